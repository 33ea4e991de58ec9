"""Tracking objects through a video: stages that make a mask, and what they read."""
