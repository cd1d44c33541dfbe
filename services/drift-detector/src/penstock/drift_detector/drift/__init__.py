"""Change of inputs, scores, losses, labels and volume."""
