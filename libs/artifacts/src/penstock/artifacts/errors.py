"""What can go wrong with an artifact. Messages say where and what to do; none needs its traceback."""


class ArtifactError(Exception):
    """An artifact or a key could not be stored, found, read or trusted."""


class MissingArtifact(ArtifactError):
    """The store holds nothing under this digest."""

    def __init__(self, digest: str, place: str) -> None:
        super().__init__(f"{place} holds no artifact {digest}")


class CorruptArtifact(ArtifactError):
    """What the store holds under this digest is not what was put there."""

    def __init__(self, digest: str, place: str, why: str = "its bytes have another digest") -> None:
        super().__init__(f"artifact {digest} in {place} is corrupt: {why}; put it again")


class BadKey(ArtifactError):
    """A key file is missing, unreadable, of the wrong kind, or would be overwritten."""


class BadSignature(ArtifactError):
    """An envelope is malformed, not signed by a trusted key, or about something else than expected."""
