"""Numerics on frames, flows and holes that several methods share."""
