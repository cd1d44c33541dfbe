"""Drift: online detectors on a series, and distances between counts of a window and its reference."""
