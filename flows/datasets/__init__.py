"""Datasets of many videos: finding and checking them, and planning a run."""
