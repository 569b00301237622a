"""The content-generator surface, as the product serves it."""
