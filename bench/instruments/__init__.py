"""What measures: processes, the broker seen from outside, load, and the check of the output."""
