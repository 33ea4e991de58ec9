"""Masks looked at, edited and proposed, for the commands below `dfvi mask`: media files in and out, no stages."""
