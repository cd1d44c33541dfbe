"""What the console follows: the control plane of the log, folded as it grows, and rates of answers."""
