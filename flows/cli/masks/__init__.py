"""Commands below `dfvi mask`."""
