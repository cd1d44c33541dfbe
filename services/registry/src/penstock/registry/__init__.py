"""The system of record: streams, versions, gates, epochs, audit."""
