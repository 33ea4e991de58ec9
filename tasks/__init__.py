"""One file a stage: its parameters, its version, and the body that walks its store."""
