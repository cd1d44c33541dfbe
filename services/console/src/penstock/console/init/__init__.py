"""`penstock stream init`: a first declaration of a stream, from a sample of its file."""
