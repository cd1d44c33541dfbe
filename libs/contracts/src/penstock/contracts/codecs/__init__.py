"""Between bytes on the log and records: decoding, encoding, and what is wrong with bytes that cannot be decoded."""
