"""A label of a metric that takes a bounded number of values."""

OTHER = "other"
"""The value of a label for all values beyond those that it may take."""


class BoundedLabel:
    """Returns the first `most` different values unchanged, and `other` for all later ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._values:
            return value
        if len(self._values) >= self._most:
            return OTHER
        self._values.add(value)
        return value
