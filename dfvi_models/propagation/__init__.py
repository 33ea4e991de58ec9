"""Colours carried into holes along the completed flow."""
