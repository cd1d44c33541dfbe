"""The one failure that a command shows as a line of its own."""


class ConsoleFailure(Exception):
    """Something a user can put right: the text says what happened, where, and what to do.

    `status` is the command's exit status: 2 for something wrongly asked, 1 for something that went wrong.
    """

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def wrong_input(text: str) -> ConsoleFailure:
    """A file or an argument cannot be used as it is."""
    return ConsoleFailure(text, status=2)
