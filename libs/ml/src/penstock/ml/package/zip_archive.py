"""A zip archive whose bytes are a function of its members alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

MOST_MEMBERS = 100_000  # with those of archives within; a forest of 500 trees has some thousands
_ENTRY = b"PK\x01\x02"  # begins a member's entry in the directory

_EPOCH = (1980, 1, 1, 0, 0, 0)


class BadArchive(ValueError):
    """The bytes are not an archive in the one form that `write` produces."""


def write(members: Mapping[str, bytes]) -> bytes:
    """Store members in the order given, uncompressed, with fixed times and attributes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            archive.writestr(entry, content)
    return buffer.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    """The members of an archive made by `write`.

    Nothing is decompressed (members are stored, so they cannot grow), and the archive written anew from
    its members must equal the data: that refuses compression, altered headers, names that differ between
    headers, flags, comments, repeated names, and bytes before, between or behind.

    Raises:
        BadArchive: the data are not such an archive.
    """
    if data.count(_ENTRY) > MOST_MEMBERS:
        raise BadArchive(f"it has more than {MOST_MEMBERS:,} members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits for entry in entries):
                raise BadArchive("it has compressed, encrypted or oddly flagged members")
            members = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, UnicodeError) as error:
        raise BadArchive(f"it is not a readable zip archive ({error})") from None
    if write(members) != data:
        raise BadArchive("it is not in canonical form: headers, order or padding were altered")
    return members
