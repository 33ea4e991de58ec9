"""Runnable measurements; each prints the machine, the commit, medians, spread, and ratios to a baseline."""
