"""Folders of many videos: how they are laid out, and which clips they hold."""
