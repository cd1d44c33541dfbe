"""The in-toto Statement v1: a claim about one artifact.

Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.artifacts.digest import hex_of
from penstock.artifacts.errors import ArtifactError, BadSignature

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Statement:
    """A predicate about the artifact `digest` under the name `subject_name`, signed with the key `key_id`."""

    subject_name: str
    digest: str
    predicate_type: str
    predicate: Mapping[str, Any]
    key_id: str


def encode_statement(subject_name: str, digest: str, predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """The statement as canonical JSON: equal statements have equal bytes.

    Raises:
        ValueError: the predicate holds NaN or an infinity.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject_name, "digest": {"sha256": hex_of(digest)}}],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode_statement(payload: bytes, key_id: str) -> Statement:
    """The statement in a payload whose signature has been verified.

    Raises:
        BadSignature: the payload is not a statement about one artifact.
    """
    try:
        body = json.loads(payload)
        (subject,) = body["subject"]
        digest = f"sha256:{subject['digest']['sha256']}"
        hex_of(digest)
        statement = Statement(subject["name"], digest, body["predicateType"], body["predicate"], key_id)
    except (ValueError, TypeError, KeyError, RecursionError, ArtifactError) as error:
        raise BadSignature("the signed payload is not an in-toto statement about one artifact") from error
    return _check_types(body, statement)


def _check_types(body: Mapping[str, Any], statement: Statement) -> Statement:
    names = (statement.subject_name, statement.predicate_type)
    if body.get("_type") != STATEMENT_TYPE or not all(isinstance(name, str) for name in names):
        raise BadSignature(f"the signed payload is not of type {STATEMENT_TYPE}")
    if not isinstance(statement.predicate, dict):
        raise BadSignature("the predicate of the signed statement is not an object")
    return statement
