"""The registry's database and what is done in it."""
