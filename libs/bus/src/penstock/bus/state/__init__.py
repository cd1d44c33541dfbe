"""Keyed state of a unit, in memory and on disk."""
