"""Fitted scikit-learn estimators as bytes and back, without ever running code that the bytes name.

The format is skops', made canonical: skops names arrays by memory addresses, which differ in every
run; here an array is named by its content, addresses are dropped and the gaps in records are zero, so equal
estimators give equal bytes. Reading checks every type against `trusted_types.TRUSTED` before skops builds anything.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from penstock.ml.package import zip_archive
from penstock.ml.package.tree_checks import check_trees
from penstock.ml.package.trusted_types import TRUSTED

MAX_BYTES = 256 * 1024 * 1024
_SCHEMA = "schema.json"


class UntrustedEstimator(ValueError):
    """The bytes hold something other than an estimator made of trusted types."""


def import_learners() -> None:
    """Import all that `load` may need, which takes a second: a server does it before the first model that learnt."""
    for module in {"skops.io", *(module for module, _, _ in TRUSTED)}:
        import_module(module)


def dump(estimator: Any) -> bytes:
    """The canonical bytes of a fitted estimator."""
    import skops.io  # noqa: PLC0415

    return canonical(skops.io.dumps(estimator))


def canonical(saved_bytes: bytes) -> bytes:
    """What skops saved, in canonical form. Nothing in it is built.

    Raises:
        UntrustedEstimator: skops did not save this, or it takes more than `MAX_BYTES`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(saved_bytes)) as saved:
            size = sum(member.file_size for member in saved.infolist())
            if size > MAX_BYTES:
                raise UntrustedEstimator(f"the estimator takes {size:,} bytes, at most {MAX_BYTES:,} are read")
            schema = json.loads(saved.read(_SCHEMA))
            arrays = _name_arrays(schema, saved)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError, ValueError, TypeError, OSError) as error:
        raise UntrustedEstimator(f"skops did not save this: {error}") from None
    members = {_SCHEMA: json.dumps(schema, separators=(",", ":")).encode()}
    return zip_archive.write(members | dict(sorted(arrays.items())))


def _name_arrays(schema: Any, saved: zipfile.ZipFile) -> dict[str, bytes]:
    """The arrays of a description by the names that their content gives, by which it names them from then on."""
    arrays: dict[str, bytes] = {}
    for node in nodes(schema):
        node.pop("__id__", None)
        if "file" in node:
            content = saved.read(node["file"])
            if not _is_whole_array(content):
                raise UntrustedEstimator(f"member {node['file']!r} is not a whole array of plain numbers or text")
            content = _without_gaps(content)
            node["file"] = f"{hashlib.sha256(content).hexdigest()}.npy"
            arrays[node["file"]] = content
    return arrays


def _without_gaps(content: bytes) -> bytes:
    """An array's bytes, with zeros between the fields of a record, where memory may hold anything."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    names = array.dtype.names or ()
    if sum(array.dtype[name].itemsize for name in names) in (0, array.dtype.itemsize):
        return content
    clean, saved = np.zeros(array.shape, array.dtype), io.BytesIO()
    for name in names:
        clean[name] = array[name]
    np.save(saved, clean, allow_pickle=False)
    return saved.getvalue()


def load(data: bytes) -> Any:
    """The estimator in bytes made by `dump`.

    Raises:
        UntrustedEstimator: unknown types, misshapen arrays, tree nodes that point outside their tree, or anything else
            that skops refuses.
        BadArchive: the bytes are no canonical archive.
    """
    import skops.io  # noqa: PLC0415

    members = zip_archive.read(data)
    _check_types(members)
    _check_arrays(members)
    try:
        names = [f"{module}.{name}" for module, name, _ in TRUSTED]
        estimator = skops.io.loads(data, trusted=names)
        check_trees(estimator)
    except Exception as error:  # crafted content can make any of the constructors fail
        raise UntrustedEstimator(f"the estimator cannot be built: {type(error).__name__}: {error}") from None
    return estimator


def _check_types(members: dict[str, bytes]) -> None:
    try:
        schema = json.loads(members[_SCHEMA])
    except (KeyError, ValueError, RecursionError):
        raise UntrustedEstimator("the estimator's description cannot be read") from None
    types = {type_of(node) for node in nodes(schema)}
    if unknown := sorted(".".join(parts[:2]) for parts in types - TRUSTED):
        raise UntrustedEstimator(f"the estimator holds types that are not trusted: {', '.join(unknown)}")


def type_of(node: dict[str, Any]) -> tuple[str, str, str]:
    """Module, name and loader of one typed node."""
    return str(node.get("__module__")), str(node.get("__class__")), str(node.get("__loader__"))


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every typed node of a description, in document order."""
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.keys() & {"__class__", "__module__", "__loader__"}:
                yield value
            stack.extend(reversed(list(value.values())))
        elif isinstance(value, list):
            stack.extend(reversed(value))


def _check_arrays(members: dict[str, bytes]) -> None:
    """Refuse an array whose header claims more than its bytes hold, before memory is taken for it."""
    for name, content in members.items():
        if name != _SCHEMA and not _is_whole_array(content):
            raise UntrustedEstimator(f"member {name!r} is not a whole array of plain numbers or text")


def _is_whole_array(content: bytes) -> bool:
    stream = io.BytesIO(content)
    try:
        major, _ = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False
    size = dtype.itemsize
    for length in shape:
        size *= length
    return not dtype.hasobject and min(shape, default=0) >= 0 and size == len(content) - stream.tell()
