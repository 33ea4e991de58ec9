"""Where results live: keys and digests, stage stores on Zarr, locks, media files, masks, flow files."""
