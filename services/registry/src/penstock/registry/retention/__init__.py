"""How long retention still keeps what a consumer group has not read."""
