"""Reports as pages: one file each, which opens in any browser without a network."""
