"""The one consumer loop."""
