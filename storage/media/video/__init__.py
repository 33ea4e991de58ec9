"""Video files: their facts, their frames, and what they say of colour and depth."""
