"""What is done to masks before they are used: edits, and checks of whether they mark what was meant."""
