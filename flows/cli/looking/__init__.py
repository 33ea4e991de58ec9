"""Commands that look at videos, at what a run made of them, and at what it would do."""
