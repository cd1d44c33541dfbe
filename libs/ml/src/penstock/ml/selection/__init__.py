"""Selection of a family and its settings by time-ordered cross-validation."""
