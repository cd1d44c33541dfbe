"""The twelve invariants, from outputs only."""
