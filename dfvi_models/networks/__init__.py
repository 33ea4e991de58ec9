"""The paper's networks and others, in PyTorch only: shapes and layers, no files and no videos."""
