"""Networks and numerics on arrays and tensors; knows neither Prefect nor Zarr."""
