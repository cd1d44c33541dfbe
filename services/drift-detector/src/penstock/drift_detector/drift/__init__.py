"""Drift of inputs, answers, losses, labels and volume."""
