"""The failure that a command reports as one line."""


class ConsoleFailure(Exception):
    """A failure that the user can correct: the text says what happened, where, and what to do.

    `status` is the command's exit status: 2 for wrong input, 1 for everything else.
    """

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class RequestRefused(ConsoleFailure):
    """A service refused a request: `code` and `detail` say why, `field` is the key that is wrong, if it named one."""

    def __init__(self, url: str, code: str, detail: str, field: str | None) -> None:
        super().__init__(f"{url}: {detail}", status=2)
        self.code = code
        self.detail = detail
        self.field = field


def wrong_input(text: str) -> ConsoleFailure:
    """The failure for a file or an argument that cannot be used as it is."""
    return ConsoleFailure(text, status=2)
