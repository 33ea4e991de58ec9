"""Many videos: which there are, and what a run of them would do."""
