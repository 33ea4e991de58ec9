"""Weight files of networks: what there is, where they lie, how checkpoints are read and written."""
