"""Which models serve: loading, verifying, swapping."""
