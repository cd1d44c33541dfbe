"""A model as one file: written deterministically, distrusted when read."""
