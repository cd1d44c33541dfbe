"""What the loop is worth, measured against what people do without it; see README.md."""
