"""The declaration of a stream: `stream.toml` and its parts."""
