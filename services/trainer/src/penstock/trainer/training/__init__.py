"""One training, from a dataset to a packaged model."""
