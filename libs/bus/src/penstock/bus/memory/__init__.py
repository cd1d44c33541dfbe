"""The memory log, which passes the behaviour suite that Kafka passes."""
