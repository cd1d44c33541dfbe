"""Files for programs, each written to disk first: outcomes and answers in SQL as Parquet, models as archives."""
