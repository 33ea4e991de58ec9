"""The rooms of dfvi that know Prefect: flows, the run configuration, and the `dfvi` command."""
