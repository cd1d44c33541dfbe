"""The rows of a file as events and labels, and what was kept of those that were sent."""
