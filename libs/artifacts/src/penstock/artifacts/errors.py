"""What can go wrong with an artifact. A message says where it happened and what to do."""


class ArtifactError(Exception):
    """An artifact or a key cannot be stored, found, read or trusted."""


class MissingArtifact(ArtifactError):
    """The store has no artifact with this digest."""

    def __init__(self, digest: str, store_name: str) -> None:
        super().__init__(f"{store_name} holds no artifact {digest}")


class CorruptArtifact(ArtifactError):
    """What the store has under this digest is not what was put there."""

    def __init__(self, digest: str, store_name: str, reason: str = "its bytes have another digest") -> None:
        super().__init__(f"artifact {digest} in {store_name} is corrupt: {reason}; put it again")


class BadKey(ArtifactError):
    """A key file is missing, unreadable or of the wrong kind, or would be overwritten."""


class BadSignature(ArtifactError):
    """An envelope is malformed, is not signed by a trusted key, or is about something other than expected."""
