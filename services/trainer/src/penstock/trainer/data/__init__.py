"""From the log to rows: archived segments and the dataset made of them."""
