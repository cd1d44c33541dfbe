"""False labels: attacks on a stream, and what they do to the loop and at the gates."""
