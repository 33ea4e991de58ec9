"""What makes the documentation site: generated pages and pictures."""
