"""Bad `stream.toml` files: one line with file, line or field, and what was expected, and exit status 2."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from penstock.artifacts import MemoryStore, Signer, Verifier, generate_key_pair
from penstock.contracts.declaration.stream_file import parse_declaration, read_declaration
from penstock.registry.db.engines import IN_MEMORY, open_engine
from penstock.registry.wiring import Parts
from services.console.tests.failing_command import WrongInputCommand, wrong_input
from services.registry.tests.conftest import LOANS, deployed

from .rows import rows

__all__ = ["wrong_input"]

TOML = {"Content-Type": "application/toml"}
GOOD = """\
[stream]
name = "loans"
task = "binary"
entity = "customer"

[label]
name = "defaulted"
classes = ["no", "yes"]

[fields]
customer = { type = "category" }
amount = { type = "number", min = 0, max = 1e6 }
"""


def changed(old: str, new: str) -> bytes:
    """The good file with a change."""
    assert old in GOOD
    return GOOD.replace(old, new).encode()


def with_lines(text: str) -> bytes:
    """The good file with lines before its fields."""
    return changed("[fields]", f"{text}\n[fields]")


MILLION = GOOD + "".join(f'f{number} = {{ type = "number" }}\n' for number in range(1_000_000))

FILES: dict[str, list[tuple[bytes, str]]] = {
    "S1 no TOML": [
        (changed('task = "binary"', 'task = "binary'), ":3: not valid TOML"),
        (changed("[label]", "[stream]"), ":6: not valid TOML"),
        (GOOD.encode().replace(b"loans", b"lo\xffans"), ":2: expected UTF-8 text"),
        (GOOD.encode("utf-16"), ":1: expected UTF-8 text"),
    ],
    "S2 made to exhaust the parser": [
        (b"a = " + b"[" * 100_000, "not valid TOML: nested too deep"),
        (b"a = " + b"{a=" * 40_000, "not valid TOML"),
        (b"[" * 100_000_000, "at most 150 kB"),
    ],
    "S3 duplicate key": [(changed('task = "binary"', 'task = "binary"\ntask = "binary"'), ":4: not valid TOML")],
    "S5 name": [
        (changed('"loans"', name), ":2: name: must be 1 to 63 lower-case letters")
        for name in ('"lo\\nans"', '"$(reboot)"', '"../loans"', '"Loans"', '""')
    ],
    "S6 unknown family": [(with_lines('[models]\nfamilies = ["os.system"]'), "'linear', 'boosting'")],
    "S7 numbers that cannot be": [
        (with_lines("[gates]\nmargin = -0.1"), "margin: must be greater than or equal to 0"),
        (with_lines("[retrain]\ngrowth = 0"), "growth: must be greater than 1"),
        (with_lines("[retrain]\ngrowth = nan"), "growth: must be a finite number"),
        (with_lines("[models]\nseed = -1"), "seed: must be greater than or equal to 0"),
    ],
    "S8 fields": [
        (GOOD[: GOOD.index("customer =")].encode(), "at least one field"),
        (changed("amount =", "customer ="), "not valid TOML"),
        (MILLION.encode(), "at most 150 kB"),
    ],
    "S9 a field that is not declared": [
        (changed('entity = "customer"', 'entity = "client"'), "'client' is not among the fields"),
        (
            changed('entity = "customer"', 'entity = "customer"\nslices = ["region"]'),
            "'region' is not among the fields",
        ),
    ],
    "S12 a share above 1": [
        (with_lines('[rollout]\nmode = "canary"\nsteps = [110]'), "rollout.steps"),
        (with_lines("[drift]\nalpha = 1.1"), "drift.alpha"),
    ],
}


@rows(FILES)
def test_a_bad_declaration_is_one_line(
    tmp_path: Path, wrong_input: WrongInputCommand, row: list[tuple[bytes, str]]
) -> None:
    file = tmp_path / "stream.toml"
    for content, expected in row:
        file.write_bytes(content)
        message = wrong_input("stream", "apply", file)
        assert message.startswith(f"{file}:")
        assert expected in message, message
    file.write_text(GOOD)
    assert read_declaration(file).name == "loans"


def test_s11_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "stream.toml"
    file.write_bytes(("\ufeff" + GOOD.replace("\n", "\r\n")).encode())
    assert read_declaration(file) == parse_declaration(GOOD)


async def test_s13_another_stream_under_the_name_is_a_conflict_and_the_first_stays(tmp_path: Path) -> None:
    generate_key_pair(tmp_path / "private", tmp_path / "public")
    signer, verifier = Signer.from_file(tmp_path / "private"), Verifier.from_file(tmp_path / "public")
    async with deployed(Parts(MemoryStore(), signer, verifier, open_engine(IN_MEMORY))) as registry:
        path = "/v1/streams/loans"
        assert (await registry.client.put(path, content=LOANS, headers=TOML)).status_code == 201
        for other in (LOANS.replace('"binary"', '"multiclass"'), LOANS.replace('entity = "customer"', "")):
            answer = await registry.client.put(path, content=other, headers=TOML)
            assert (answer.status_code, answer.json()["code"]) == (409, "incompatible_declaration")
        stranger = await registry.client.put("/v1/streams/cards", content=LOANS, headers=TOML)
        assert (stranger.status_code, stranger.json()["code"]) == (422, "name_mismatch")
        again = await registry.client.put(path, content=LOANS, headers=TOML)
        assert (again.status_code, again.json()["status"]) == (200, "unchanged")


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def huge(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(1 << 30)
    return path


def dangling(path: Path) -> Path:
    path.symlink_to(path.with_name("absent"))
    return path


def circle(path: Path) -> Path:
    path.symlink_to(path)
    return path


def behind_a_file(path: Path) -> Path:
    path.write_text(GOOD)
    return path / "stream.toml"


ODD_FILES: dict[Callable[[Path], Path], str] = {
    folder: "no regular file",
    fifo: "no regular file",
    lambda _: Path("/dev/zero"): "no regular file",
    huge: "at most 150 kB",
    dangling: "No such file",
    circle: "symbolic links",
    behind_a_file: "Not a directory",
}


def test_s14_what_is_no_plain_file_is_one_line(tmp_path: Path, wrong_input: WrongInputCommand) -> None:
    for number, (make, expected) in enumerate(ODD_FILES.items()):
        file = make(tmp_path / f"odd-{number}")
        message = wrong_input("stream", "apply", file)
        assert message.startswith(f"{file}: ")
        assert expected in message, message
