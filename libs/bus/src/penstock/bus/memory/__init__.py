"""The log in memory, which passes the behaviour suite that Kafka passes."""
