"""What commands need besides the stages: flow files, the demo's clip, weight files."""
