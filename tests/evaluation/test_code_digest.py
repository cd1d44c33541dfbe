"""Stored results are of the code as it is: a reference's changes with what it is made of, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.evaluation import code_digest
from bench.evaluation.cells import reference_digest
from bench.evaluation.code_digest import digest, module_digest
from bench.evaluation.references.reference_catalog import REFERENCES


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that imports another one of the references."""
    monkeypatch.setattr(code_digest, "REPOSITORY", tmp_path)
    folder = tmp_path / "bench" / "evaluation" / "references"
    folder.mkdir(parents=True)
    (folder / "other.py").write_text("OTHER = 1\n")
    path = folder / "some.py"
    path.write_text('"""Some."""\nfrom bench.evaluation.references.other import OTHER\nSOME = OTHER + 1  # one more\n')
    return path


def digest_now(module: Path) -> str:
    module_digest.cache_clear()
    return module_digest(module)


def test_a_digest_follows_the_code_of_a_module_and_of_what_it_imports(module: Path) -> None:
    first = digest_now(module)
    text = module.read_text()
    module.write_text(text.replace("Some.", "Another text.").replace("one more", "two"))
    assert digest_now(module) == first
    module.write_text(text.replace("+ 1", "+ 2"))
    assert digest_now(module) != first
    module.write_text(text)
    (module.parent / "other.py").write_text("OTHER = 2\n")
    assert digest_now(module) != first


def test_references_of_one_module_differ_by_their_options() -> None:
    digests = {name: reference_digest(name) for name in REFERENCES}
    assert len(set(digests.values())) == len(REFERENCES)
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
