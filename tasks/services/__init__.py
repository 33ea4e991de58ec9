"""What commands do beside the stages: flow files, the demo's clip, weight files."""
