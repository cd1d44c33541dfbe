"""False labels: attacks on a stream, what they do to the loop, and what the gates make of label-flipped challengers."""
