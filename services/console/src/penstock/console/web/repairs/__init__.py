"""Repairs that people order through the console: which records, by which rule, and their progress."""
