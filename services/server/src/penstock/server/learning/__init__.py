"""What outcomes teach the models that serve."""
