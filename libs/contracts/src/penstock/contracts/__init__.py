"""What the services say to each other: topics, records, codecs, schemas."""
