"""A model as one file: written deterministically, checked before anything in it is used."""
