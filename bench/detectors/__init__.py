"""Drift detectors and window tests on streams with known changes, and on streams that do not change."""
