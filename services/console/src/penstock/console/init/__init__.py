"""`stream init`: a declaration proposed from a sample of a file."""
