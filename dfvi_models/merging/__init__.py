"""One colour for each hole pixel from those that were carried there, without seams and flicker."""
