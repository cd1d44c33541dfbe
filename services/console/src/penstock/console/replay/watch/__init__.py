"""What the log holds of a replayed stream."""
