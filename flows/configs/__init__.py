"""The run configuration and the training recipes: models, presets, files."""
