"""The prediction log: its files, and questions in SQL about them."""
