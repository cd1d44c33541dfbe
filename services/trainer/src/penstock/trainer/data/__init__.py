"""From the log to training rows: archived segments and the dataset made of them."""
