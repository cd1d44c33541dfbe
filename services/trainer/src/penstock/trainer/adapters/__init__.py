"""What touches the outside: the log, and child processes."""
