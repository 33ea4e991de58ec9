"""Training of the networks: the loop, one file for each network, losses."""
