"""Training in a child process."""
