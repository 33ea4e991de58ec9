"""Stages that train networks."""
