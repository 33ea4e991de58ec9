"""Shots: where one camera take gives way to the next."""
