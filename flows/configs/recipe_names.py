"""Names of the shipped recipes, apart from what a recipe means: that would load PyTorch into every command."""

RECIPE_NAMES = {
    "flow-completion": ("choice", "dfc", "dfc-compact", "dfc-small", "smoke"),
    "image-inpainting": ("deepfill", "deepfill-small", "deepfill-smoke"),
}
"""Shipped recipes of each command; the first is the default."""
