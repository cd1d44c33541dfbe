"""Every service's settings resolve from an environment, and every name in them is one of the agreed ones."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from penstock.runtime.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/src/penstock/*/settings.py"))
AGREED = re.compile(r"^(PENSTOCK_[A-Z_]+|KAFKA_[A-Z_]+|OTEL_[A-Z_]+|AWS_[A-Z_]+|DATABASE_URL)$")


def settings_of(service: str) -> list[type[ServiceSettings]]:
    module = importlib.import_module(f"penstock.{service}.settings")
    found = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, ServiceSettings)]
    return [settings for settings in found if settings is not ServiceSettings]


EVERY = [settings for service in SERVICES for settings in settings_of(service)]


def names_of(settings: type[ServiceSettings]) -> dict[str, bool]:
    """The variables that the settings read, and whether they are required."""
    return {(field.alias or name).upper(): field.is_required() for name, field in settings.model_fields.items()}


def test_each_of_the_nine_has_settings_of_its_own() -> None:
    nine = [
        "archiver",
        "drift_detector",
        "ingestion",
        "notifier",
        "registry",
        "retrain_trigger",
        "server",
        "trainer",
        "validator",
    ]
    assert [service for service in SERVICES if service != "console"] == nine
    assert [service for service in nine if not settings_of(service)] == []


@pytest.mark.parametrize("settings", EVERY, ids=lambda settings: settings.__name__)
def test_settings_resolve_with_no_more_than_what_is_required(
    settings: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = names_of(settings)
    assert [name for name in names if not AGREED.match(name)] == []
    for name, required in names.items():
        monkeypatch.delenv(name, raising=False)
        if required:
            path = tmp_path / name
            path.touch()
            monkeypatch.setenv(name, str(path))
    read = settings()
    with pytest.raises(ValidationError, match="frozen"):
        read.namespace = "other"  # type: ignore[misc]
