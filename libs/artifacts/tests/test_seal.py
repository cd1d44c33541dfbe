"""Seals: the MAC of what one service writes for another."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.artifacts import BadKey, Seal, generate_seal_key

SEAL = Seal(bytes(range(32)))


@given(data=st.binary(), other=st.binary())
def test_a_seal_holds_for_its_data_alone(data: bytes, other: bytes) -> None:
    assert SEAL.verify(data, SEAL.mac(data))
    assert SEAL.verify(other, SEAL.mac(data)) == (other == data)
    assert not Seal(bytes(32)).verify(data, SEAL.mac(data))


@given(data=st.binary(), mac=st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_verified_as_a_mac(data: bytes, mac: str) -> None:
    assert SEAL.verify(data, mac) == (mac == SEAL.mac(data))


def test_it_is_the_hmac_of_rfc_4231() -> None:
    assert Seal(131 * b"\xaa").mac(b"Test Using Larger Than Block-Size Key - Hash Key First") == (
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    )


def test_the_key_comes_from_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "seal"
    generate_seal_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Seal.from_file(path).verify(b"0.25", Seal.from_file(path).mac(b"0.25"))
    with pytest.raises(BadKey, match="exists already"):
        generate_seal_key(path)


@pytest.mark.parametrize("content", ["", "0102", "no hex", "é"])
def test_a_short_or_unreadable_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "seal"
    path.write_text(content)
    with pytest.raises(BadKey):
        Seal.from_file(path)
