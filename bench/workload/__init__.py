"""The stream, its events and its models, which every cell is measured on."""
