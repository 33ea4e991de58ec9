"""Reports on runs: tables, CSV, plots, artifacts in Prefect."""
