"""How late labels come, by class: a label of one class may take longer than one of another."""

from __future__ import annotations

from msgspec import Struct

DECAY = 0.99  # of a class's lateness with each further label of it: the longest of some hundred labels counts

NUMBERS = ""  # stands for the class of all numbers


class ClassLateness(Struct, array_like=True):
    """`labels` of a class so far, and its `lateness` in microseconds of event time."""

    labels: int = 0
    lateness: float = 0.0


class LabelLateness(Struct, array_like=True):
    """How far behind the newest labelled event the labels of each class come; `newest` is that event's time.

    >>> lateness = LabelLateness()
    >>> for time, label in ((100, "no"), (40, "yes"), (110, "no")):
    ...     lateness.add(time, label)
    >>> lateness.newest, lateness.longest
    (110, 60.0)
    """

    newest: int = -(2**62)
    classes: dict[str, ClassLateness] = {}

    def add(self, time: int, label: str | float) -> None:
        """Add the label of an event of that time, in microseconds."""
        self.newest = max(self.newest, time)
        name = label if isinstance(label, str) else NUMBERS
        entry = self.classes.get(name)
        if entry is None:
            entry = self.classes[name] = ClassLateness()
        entry.labels += 1
        entry.lateness = max(self.newest - time, entry.lateness * DECAY)

    @property
    def longest(self) -> float:
        """The lateness of the class that is the latest."""
        return max((entry.lateness for entry in self.classes.values()), default=0.0)

    def weight(self, label: str | float) -> float:
        """The weight by which all classes weigh alike, with a mean of 1 over all labels so far."""
        name = label if isinstance(label, str) else NUMBERS
        total = sum(entry.labels for entry in self.classes.values())
        return total / (len(self.classes) * self.classes[name].labels)
