"""The database: tables, transactions, and the outbox that publishes them."""
