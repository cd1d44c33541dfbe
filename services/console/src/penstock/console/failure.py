"""The failure that a command reports as one line."""


class ConsoleFailure(Exception):
    """A failure that the user can correct: the text says what happened, where, and what to do.

    `status` is the command's exit status: 2 for wrong input, 1 for everything else.
    """

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def wrong_input(text: str) -> ConsoleFailure:
    """The failure for a file or an argument that cannot be used as it is."""
    return ConsoleFailure(text, status=2)
