"""What was laid over a picture: logos, opaque or half-transparent."""
