"""The Prefect server in the background, work pools, and workers that bring back lost runs."""
