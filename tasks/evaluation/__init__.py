"""Stages that score methods on clips with known truth."""
