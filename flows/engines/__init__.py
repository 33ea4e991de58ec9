"""What runs many videos side by side: processes of this machine, Dask, or workers of a Prefect pool."""
