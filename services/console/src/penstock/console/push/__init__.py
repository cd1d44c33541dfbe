"""A model that was made elsewhere, on its way into a deployment: read, proven on golden rows, packed and uploaded."""
