"""Optical flow between neighbouring frames: one file for each method."""
