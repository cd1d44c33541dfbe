"""Builds the validator from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penstock.artifacts.errors import BadKey
from penstock.artifacts.seal import Seal
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.unit_state import State
from penstock.contracts.topics import RECEIVED
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError
from penstock.validator.dedupe import Dedupe
from penstock.validator.handlers import Validator
from penstock.validator.rejected_share import rejected_share
from penstock.validator.settings import ValidatorSettings


def build(settings: ValidatorSettings, resources: Resources) -> Service:
    """The validator: one stateful group over `received`, a unit for each partition of each stream.

    Raises:
        SettingsError: the answer key cannot be used.
    """
    seal = _load_seal(settings.answer_key)

    def open_unit(unit: Unit, state: State) -> Sequence[Route]:
        topic = RECEIVED.name(resources.namespace, unit.stream)
        validator = Validator(
            seal,
            Dedupe(state),
            rejected_share(state),
            count_rejected=lambda count: resources.metrics.count_rejected(topic, count),
            count_duplicates=lambda count: resources.metrics.count_duplicates(topic, count),
        )
        return [route(RECEIVED, validator.handle)]

    return Service(groups=[Group("validator", (RECEIVED,), open_unit, stateful=True)])


def _load_seal(key: Path | None) -> Seal | None:
    try:
        return None if key is None else Seal.from_file(key)
    except BadKey as error:
        raise SettingsError(f"PENSTOCK_ANSWER_KEY: {error}") from error
