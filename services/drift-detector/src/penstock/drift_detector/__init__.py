"""Joins outcomes, measures quality and notices drift."""
