"""Features, models, drift and evaluation as plain mathematics."""
