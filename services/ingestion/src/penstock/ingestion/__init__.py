"""Takes events and labels over HTTP onto the log."""
