"""Joins outcomes, measures quality and detects drift."""
