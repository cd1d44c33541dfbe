"""The one consumer loop (decode, handle, publish, commit), on Kafka and in memory, with its state."""
