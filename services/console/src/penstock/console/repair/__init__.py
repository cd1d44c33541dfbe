"""Rejected records and dead letters: what is left of them, edits, and their release under their own ids."""
