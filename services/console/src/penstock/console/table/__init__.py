"""Files of rows (CSV, NDJSON, Parquet), what their columns hold, and how their cells are read."""
