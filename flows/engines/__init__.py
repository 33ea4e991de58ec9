"""Engines that run many videos side by side: processes of this machine, Dask, or workers of a Prefect work pool."""
