"""How one video goes through the stages: their order, running them, planning them."""
