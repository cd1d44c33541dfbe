"""A blend's histories by key are those of all outcomes, also where its training read the newest alone."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.artifacts import MemoryStore
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Segment
from penstock.ml.features.key_history import PACES
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import unpack
from penstock.trainer.data.parquet_segments import outcome_table, to_parquet
from penstock.trainer.job import PackageReference, TrainingJob, TrainingResources
from penstock.trainer.training.pipeline import train

from .conftest import declaration, outcomes

FIRST, SECOND = 200, 320


def stream(most: int) -> Declaration:
    """A stream with histories by region whose trainings read so many rows, also fewer than may be declared."""
    declared = declaration(history={"keys": ["region"]})
    return declared.model_copy(update={"models": declared.models.model_copy(update={"most_rows": most})})


def trained(
    store: MemoryStore, declared: Declaration, borders: Sequence[int], champion: PackageReference | None = None
) -> PackageReference:
    """The package of a training on outcomes in segments between these borders."""
    found, segments = outcomes(declared, borders[-1]), []
    for start, stop in zip([0, *borders], borders, strict=False):
        content = to_parquet(declared, [outcome_table(declared, range(start, stop), found[start:stop])])
        segments.append(Segment(start=start, stop=stop, rows=stop - start, digest=store.put(content)))
    job = TrainingJob(declaration=declared, segments=tuple(segments), champion=champion)
    model = train(job, store, TrainingResources())
    return PackageReference(version=1, digest=model.digest, until=borders[-1])


def history_of(store: MemoryStore, package: PackageReference) -> list[list[float]]:
    """What the package knows of each region."""
    blend = unpack(store.get(package.digest))
    assert isinstance(blend, Blend)
    assert blend.learnt_to == package.until
    return blend.label_history.features(
        [None] * 2, [["north", "south"]], blend.label_history.keys[0].table[:, 0]
    ).tolist()


def test_a_training_of_the_newest_outcomes_goes_on_from_the_champion() -> None:
    store = MemoryStore()
    first = trained(store, stream(1000), [FIRST])
    of_all = history_of(store, trained(store, stream(1000), [FIRST, SECOND], first))
    assert sum(row[0] for row in of_all) == SECOND
    assert history_of(store, trained(store, stream(150), [FIRST, SECOND], first)) == of_all
    anew = history_of(store, trained(store, stream(100), [FIRST, SECOND], first))
    assert sum(row[0] for row in anew) == 100, "the champion ends before the first outcome that was read"


def test_what_the_histories_say_are_experts_of_the_blend() -> None:
    store = MemoryStore()
    blend = unpack(store.get(trained(store, stream(1000), [FIRST]).digest))
    assert isinstance(blend, Blend)
    of_keys = len(PACES)
    of_groups = sum(len(group.models.rates) for group in blend.groups)
    assert blend.mixture.weights.shape[1] == 2 * len(blend.frozen_models) + of_keys + of_groups
    assert blend.mixture.weights.min() > 0
