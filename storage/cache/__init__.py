"""Results of stages: their keys and digests, their stores on Zarr, their manifests, and housekeeping."""
