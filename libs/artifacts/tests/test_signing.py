"""Only statements that a trusted key signed about the expected artifact are accepted."""

import base64
import copy
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_p256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from penstock.artifacts import (
    ArtifactError,
    BadKey,
    BadSignature,
    Envelope,
    Signer,
    Verifier,
    digest_of,
    generate_key_pair,
)
from penstock.artifacts.signing import pre_authentication_encoding

DIGEST = digest_of(b"model")
TYPE = "https://penstock.example/model/v1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(KEY)
VERIFIER = Verifier([KEY.public_key()])


def signed(name: str = "a@3", digest: str = DIGEST) -> Envelope:
    return SIGNER.sign(name, digest, TYPE, {"accuracy": 0.9})


def resigned(payload: bytes, payload_type: str = "application/vnd.in-toto+json") -> dict[str, Any]:
    signature = KEY.sign(pre_authentication_encoding(payload_type, payload))
    return {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": SIGNER.key_id, "sig": base64.b64encode(signature).decode()}],
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.text(), data=st.binary(), predicate=st.dictionaries(st.text(), json_values, max_size=4))
def test_a_signed_statement_is_verified_after_json(name: str, data: bytes, predicate: dict[str, Any]) -> None:
    envelope = json.loads(json.dumps(SIGNER.sign(name, digest_of(data), TYPE, predicate)))
    statement = VERIFIER.expect(envelope, name, digest_of(data))
    assert (statement.subject_name, statement.digest) == (name, digest_of(data))
    assert (statement.predicate_type, statement.predicate) == (TYPE, predicate)
    assert statement.key_id == SIGNER.key_id


def test_an_envelope_is_for_one_name_and_one_digest_alone() -> None:
    with pytest.raises(BadSignature, match="name 'a@3', not for 'a@4'"):
        VERIFIER.expect(signed(), "a@4", DIGEST)
    with pytest.raises(BadSignature, match="digest"):
        VERIFIER.expect(signed(), "a@3", digest_of(b"another"))


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_no_bit_of_the_payload_can_change(at: int, bit: int) -> None:
    envelope = signed()
    payload = bytearray(base64.b64decode(envelope["payload"]))
    payload[at % len(payload)] ^= 1 << bit
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(BadSignature, match="does not match"):
        VERIFIER.verify(envelope)


@given(at=st.integers(0, 63), bit=st.integers(0, 7))
def test_no_bit_of_the_signature_can_change(at: int, bit: int) -> None:
    envelope = signed()
    signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    signature[at] ^= 1 << bit
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    with pytest.raises(BadSignature, match="does not match"):
        VERIFIER.verify(envelope)


def test_an_unknown_key_is_not_trusted_whatever_id_it_claims() -> None:
    other = Signer(Ed25519PrivateKey.generate())
    envelope = other.sign("a@3", DIGEST, TYPE, {})
    with pytest.raises(BadSignature, match="unknown key"):
        VERIFIER.verify(envelope)
    envelope["signatures"][0]["keyid"] = SIGNER.key_id
    with pytest.raises(BadSignature, match="does not match"):
        VERIFIER.verify(envelope)


def test_a_revoked_key_is_not_trusted() -> None:
    with pytest.raises(BadSignature, match="revoked"):
        Verifier([KEY.public_key()], revoked=[SIGNER.key_id]).verify(signed())


def test_one_trusted_signature_among_several_is_enough() -> None:
    other = Signer(Ed25519PrivateKey.generate())
    envelope = signed()
    envelope["signatures"].insert(0, other.sign("a@3", DIGEST, TYPE, {})["signatures"][0])
    assert VERIFIER.verify(envelope).key_id == SIGNER.key_id


@given(json_values)
def test_any_other_json_is_refused(value: object) -> None:
    with pytest.raises(BadSignature):
        VERIFIER.verify(value)


@pytest.mark.parametrize("field", ["payload", "signatures"])
@given(value=json_values)
def test_any_other_field_is_refused(field: str, value: object) -> None:
    envelope: dict[str, Any] = copy.deepcopy(dict(signed()))
    envelope[field] = value
    with pytest.raises(BadSignature):
        VERIFIER.verify(envelope)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [{}],
        [{"keyid": 1, "sig": ""}],
        [{"keyid": SIGNER.key_id, "sig": "*"}],
        signed()["signatures"] * 17,
    ],
)
def test_malformed_signatures_are_refused(signatures: list[object]) -> None:
    with pytest.raises(BadSignature):
        VERIFIER.verify({**signed(), "signatures": signatures})


STATEMENT = json.loads(base64.b64decode(signed()["payload"]))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        json.dumps({**STATEMENT, "_type": "https://in-toto.io/Statement/v0.1"}).encode(),
        json.dumps({**STATEMENT, "subject": STATEMENT["subject"] * 2}).encode(),
        json.dumps({**STATEMENT, "subject": [{"name": 1, "digest": {"sha256": 64 * "0"}}]}).encode(),
        json.dumps({**STATEMENT, "subject": [{"name": "a@3", "digest": {"sha256": "../x"}}]}).encode(),
        json.dumps({**STATEMENT, "predicate": "good"}).encode(),
    ],
)
def test_even_a_trusted_key_can_only_sign_a_statement(payload: bytes) -> None:
    with pytest.raises(BadSignature):
        VERIFIER.verify(resigned(payload))


def test_another_payload_type_is_refused() -> None:
    payload = base64.b64decode(signed()["payload"])
    with pytest.raises(BadSignature, match="payload of type"):
        VERIFIER.verify(resigned(payload, "application/json"))


def test_a_predicate_that_is_not_json_is_never_signed() -> None:
    with pytest.raises(ValueError, match="JSON"):
        SIGNER.sign("a@3", DIGEST, TYPE, {"accuracy": float("nan")})
    with pytest.raises(ArtifactError, match="digest"):
        SIGNER.sign("a@3", "latest", TYPE, {})


def test_a_generated_pair_signs_and_verifies_and_is_private(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    key_id = generate_key_pair(private, public)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    envelope = Signer.from_file(private).sign("a@3", DIGEST, TYPE, {})
    assert Verifier.from_file(public).verify(envelope).key_id == key_id
    with pytest.raises(BadKey, match="exists already"):
        generate_key_pair(private, public)


def test_several_keys_may_lie_in_one_file(tmp_path: Path) -> None:
    signers = []
    for name in "abc":
        generate_key_pair(tmp_path / name, tmp_path / f"{name}.pub")
        signers.append(Signer.from_file(tmp_path / name))
    together = tmp_path / "trusted.pem"
    together.write_bytes(b"# ours\n".join((tmp_path / f"{name}.pub").read_bytes() for name in "abc"))
    verifier = Verifier.from_file(together, revoked=[signers[2].key_id])
    for signer in signers[:2]:
        assert verifier.verify(signer.sign("a@3", DIGEST, TYPE, {})).key_id == signer.key_id
    with pytest.raises(BadSignature, match="revoked"):
        verifier.verify(signers[2].sign("a@3", DIGEST, TYPE, {}))


def test_wrong_key_files_are_named(tmp_path: Path) -> None:
    p256 = generate_p256(SECP256R1()).public_key()
    (tmp_path / "p256").write_bytes(p256.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "text").write_text("no key")
    (tmp_path / "broken").write_text("-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----\n")
    for name in ["absent", "p256", "text", "broken"]:
        with pytest.raises(BadKey, match=str(tmp_path / name)):
            Verifier.from_file(tmp_path / name)
        with pytest.raises(BadKey, match=str(tmp_path / name)):
            Signer.from_file(tmp_path / name)
