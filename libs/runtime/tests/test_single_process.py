"""Services in one process: stepped until nothing is left to do, the same every time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, Route, route
from penstock.contracts.batch import AnyOutputs, Batch, output
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import COMMANDS, MODELS, STREAMS
from penstock.runtime.service import Resources, Service
from penstock.runtime.single_process import SingleProcess, VirtualClock

EXAMPLES = Path(__file__).parents[2] / "contracts/examples"
EPOCH = ModelEpoch.from_json((EXAMPLES / "penstock.model-epoch.v1.json").read_bytes())
COMMAND = Command.from_json((EXAMPLES / "penstock.command.v1.json").read_bytes())
DECLARED = (EXAMPLES / "penstock.stream-declared.v1.json").read_bytes()
MOST_EPOCHS = 3


def registry(resources: Resources) -> Service:
    """Turns every command into an epoch, and every epoch up to the third into another command."""

    def command(batch: Batch[Command]) -> Iterable[AnyOutputs]:
        return [output(MODELS, EPOCH.model_copy(update={"epoch": resources.clock()})) for _ in batch.records]

    return Service(groups=[Group("registry", (COMMANDS,), lambda *_: [route(COMMANDS, command)])])


def trainer(seen: list[int]) -> Service:
    def epoch(batch: Batch[ModelEpoch]) -> Iterable[AnyOutputs]:
        seen.extend(record.epoch for record in batch.records)
        return [output(COMMANDS, COMMAND)] if len(seen) < MOST_EPOCHS else []

    def open_unit(*_: object) -> list[Route]:
        return [route(MODELS, epoch)]

    return Service(groups=[Group("trainer", (MODELS,), open_unit)])


async def test_it_runs_until_no_service_has_anything_left_to_do() -> None:
    clock, seen = VirtualClock(5), []  # type: ignore[var-annotated]
    process = SingleProcess(clock)
    await process.start(registry)
    await process.start(lambda _: trainer(seen))
    process.log.append([RecordBatch.single("penstock.commands", 0, None, COMMAND.to_json())])
    await process.run_until_quiet()
    assert seen == [5, 5, 5]
    assert await process.log.end_offsets([("penstock.models", 0)]) == {("penstock.models", 0): 3}
    await process.close()
    assert (await process.log.committed("registry"))["penstock.commands", 0] == 3


async def test_a_group_that_is_held_waits_and_the_others_go_on() -> None:
    paused, seen = True, []  # type: ignore[var-annotated]
    process = SingleProcess(VirtualClock(5))
    await process.start(registry)
    await process.start(lambda _: trainer(seen))
    process.pause_while("trainer", lambda: paused)
    process.log.append([RecordBatch.single("penstock.commands", 0, None, COMMAND.to_json())])
    await process.run_until_quiet()
    assert (seen, await process.log.end_offsets([("penstock.models", 0)])) == ([], {("penstock.models", 0): 1})
    paused = False
    await process.run_until_quiet()
    assert seen == [5, 5, 5]
    await process.close()


async def test_followers_have_caught_up_when_it_is_quiet_and_each_service_has_its_own_view() -> None:
    process = SingleProcess()
    views: list[Resources] = []

    def build(resources: Resources) -> Service:
        views.append(resources)
        return Service()

    await process.start(build)
    await process.start(build)
    process.log.append([RecordBatch.single(STREAMS.name("penstock"), 0, None, DECLARED)])
    await process.run_until_quiet()
    name = StreamDeclared.from_json(DECLARED).name
    assert [view.streams.names() for view in views] == [[name], [name]]
    assert views[0].streams is not views[1].streams
    await process.close()


async def test_a_bug_is_raised_to_the_caller() -> None:
    def handle(_: Batch[Command]) -> Iterable[AnyOutputs]:
        raise ZeroDivisionError

    process = SingleProcess()
    await process.start(lambda _: Service(groups=[Group("buggy", (COMMANDS,), lambda *_: [route(COMMANDS, handle)])]))
    process.log.append([RecordBatch.single("penstock.commands", 0, None, COMMAND.to_json())])
    with pytest.raises(ZeroDivisionError):
        await process.run_until_quiet()
    await process.close()


@given(st.lists(st.integers(0, 2**40)))
def test_a_virtual_clock_never_goes_back(instants: list[int]) -> None:
    clock = VirtualClock()
    for index, instant in enumerate(instants):
        clock.advance_to(instant)
        assert clock() == max(instants[: index + 1])
