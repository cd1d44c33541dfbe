"""The validator of one partition: checks, rejections, duplicates and conflicts, and the same after crashes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.artifacts.seal import Seal
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.bus.topics import max_record_bytes
from penstock.contracts.batch import AnyOutputs, Batch, Unreadable
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.operations import operations_of
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import RECEIVED, REJECTED
from penstock.validator.dedupe import Dedupe
from penstock.validator.expiry_queue import CHUNK
from penstock.validator.handlers import Validator
from penstock.validator.rejected_share import rejected_share

HOUR = 3_600_000
START = 1_767_225_600_000  # 2026-01-01T00:00Z
TIME = "2026-01-01T00:00:00Z"

LOANS = """
[stream]
name = "loans"
task = "binary"
entity = "customer"
[label]
name = "defaulted"
classes = ["no", "yes"]
horizon = "P30D"
[fields]
customer = { type = "category" }
amount = { type = "number", min = 0, outside = "refuse" }
terms = { type = "integer" }
"""


def declared(text: str = LOANS) -> StreamDeclared:
    return StreamDeclared(
        source="test", id="d1", time=datetime(2026, 1, 1, tzinfo=UTC), version=1, declaration=parse_declaration(text)
    )


def event(event_id: str = "a", amount: object = 1.0, **attributes: object) -> bytes:
    data = {"customer": "c1", "amount": amount} | dict(attributes.pop("data", {}))  # type: ignore[call-overload]
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": "http", "id": event_id, "time": TIME}
    return msgspec.json.encode({**envelope, "data": data, **attributes})


def label(event_id: str = "a", value: object = "yes", revision: int = 0, **data: object) -> bytes:
    body = {"event_id": event_id, "event_source": "http", "value": value, "revision": revision, "entity": "c1", **data}
    envelope = {"specversion": "1.0", "type": "penstock.label.v1", "source": "http", "id": f"l-{event_id}-{revision}"}
    return msgspec.json.encode({**envelope, "time": TIME, "data": body})


@dataclass
class Partition:
    """The validator of one partition over a state that outlives it, and what it has written."""

    stream: StreamDeclared
    store: MemoryStateStore
    seal: Seal | None = None

    def __post_init__(self) -> None:
        self.duplicates = 0
        self.written: dict[str, list[tuple[bytes | None, bytes]]] = {"events": [], "labels": [], "rejected": []}
        self.reopen()

    def reopen(self) -> None:
        self.state = State(self.store)
        dedupe, rejected = Dedupe(self.state), rejected_share(self.state)
        self.validator = Validator(self.seal, dedupe, rejected, lambda _: None, self._count_duplicates)

    def _count_duplicates(self, count: int) -> None:
        self.duplicates += count

    def handle(self, raw: Sequence[MemoryRecord]) -> list[AnyOutputs]:
        decoded = ReceivedDecoder(self.stream)(raw)
        readable = [index for index, record in enumerate(decoded) if not isinstance(record, Unreadable)]
        records: list[Any] = [decoded[index] for index in readable]
        outputs = self.validator.handle(Batch(RECEIVED, self.stream, 0, records, [raw[index] for index in readable]))
        for output in outputs:
            self.written[output.topic.short_name] += zip(output.keys, map(encode, output.records), strict=True)
        return outputs

    def commit(self, offset: int) -> None:
        self.state.write(self.state.take_changes(), {"received": offset})

    def rejections(self) -> list[Rejection]:
        return [msgspec.json.decode(value, type=Rejection) for _, value in self.written["rejected"]]


@pytest.fixture
def partition() -> Partition:
    return Partition(declared(), MemoryStateStore())


def records_of(values: Sequence[bytes | None], at: Callable[[int], int] = lambda _: START) -> list[MemoryRecord]:
    return [MemoryRecord(offset, at(offset), b"k", value, ()) for offset, value in enumerate(values)]


def test_a_valid_event_is_forwarded_byte_for_byte_under_its_entity(partition: Partition) -> None:
    sent = event(data={"terms": 3.0}, subject="an extension attribute")

    partition.handle(records_of([sent]))

    assert partition.written == {"events": [(b"c1", sent)], "labels": [], "rejected": []}


def test_an_awaited_event_is_forwarded_under_the_digest_of_its_own_operation(partition: Partition) -> None:
    bodies = [event("a"), event("b", amount=-1), event("b"), event("c", amount=2.0), event("d")]
    claims: list[tuple[tuple[str, bytes], ...]] = [(), (("penstock-operation", b""),) * 2]
    claims += [(("traceparent", b"t"), ("penstock-operation", b"")), (("penstock-operation", b"of another"),), ()]
    pairs = enumerate(zip(bodies, claims, strict=True))
    (output, _) = partition.handle([MemoryRecord(at, START, b"k", *pair) for at, pair in pairs])

    awaited = [ReceivedDecoder(partition.stream).decode(body) for body in bodies[2:4]]
    operations = operations_of(partition.stream.declaration, awaited)  # type: ignore[arg-type]
    assert output.headers == {
        place: (("penstock-operation", operation.digest),) for place, operation in enumerate(operations, start=1)
    }


def test_a_label_is_forwarded_under_its_events_key(partition: Partition) -> None:
    partition.handle(records_of([label()]))

    assert partition.written["labels"] == [(b"c1", label())]


def test_an_event_in_binary_mode_is_forwarded_as_one_document(partition: Partition) -> None:
    attributes = {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "id": "b", "time": TIME}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]

    partition.handle([MemoryRecord(0, START, None, b'{"customer": "c1", "amount": 2}', headers)])

    ((_, value),) = partition.written["events"]
    assert msgspec.json.decode(value) == {**attributes, "data": {"customer": "c1", "amount": 2}}


def test_history_has_the_identity_of_an_event_and_the_check_of_a_label() -> None:
    partition = Partition(declared(), MemoryStateStore())
    labelled = event(label="yes", labeltime=TIME)

    partition.handle(
        records_of([labelled, labelled, event(), event("b"), event("b", label="no"), event("c", label="perhaps")])
    )

    assert partition.written["events"] == [(b"c1", labelled), (b"c1", event("b"))]
    assert partition.duplicates == 1
    assert sorted(rejection.data.code for rejection in partition.rejections()) == [
        "id_conflict",
        "id_conflict",
        "unknown_class",
    ]


EXTERNAL = LOANS + '[serving]\nmodel = "external"\n'


def test_an_external_prediction_is_forwarded_with_its_event_and_is_part_of_its_content() -> None:
    partition = Partition(declared(EXTERNAL), MemoryStateStore())
    sent = event(prediction="yes", modelversion="7.1")

    partition.handle(records_of([sent, sent, event(prediction="no", modelversion="7.1"), event("b")]))

    assert partition.written["events"] == [(b"c1", sent)]
    assert partition.duplicates == 1
    assert [rejection.data.code for rejection in partition.rejections()] == ["id_conflict", "missing_prediction"]


def test_in_binary_mode_a_prediction_is_a_header() -> None:
    partition = Partition(declared(EXTERNAL), MemoryStateStore())
    attributes = {"specversion": "1.0", "source": "s", "time": TIME, "prediction": "yes", "modelversion": "7"}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    values = [
        MemoryRecord(offset, START, None, b'{"customer": "c1"}', [*headers, ("ce_id", b"%d" % offset)])
        for offset in (0, 1)
    ]
    values[1].headers[3] = ("ce_prediction", b"perhaps")  # type: ignore[index]

    partition.handle(values)

    ((_, value),) = partition.written["events"]
    assert msgspec.json.decode(value)["prediction"] == "yes"
    assert [rejection.data.code for rejection in partition.rejections()] == ["bad_prediction"]


BAD = {
    "below the range": (event(amount=-1), "out_of_range", "amount"),
    "half a term": (event(data={"terms": 1.5}), "wrong_type", "terms"),
    "a bool for a number": (event(amount=True), "wrong_type", "amount"),
    "a text for a number": (event(amount="1.5"), "wrong_type", "amount"),
    "a field nobody declared": (event(data={"colour": "red"}), "extra_field", "colour"),
    "no entity": (event(data={"customer": None}), "missing_entity", "customer"),
    "an unfit id": (event("../../etc/passwd"), "bad_id", "id"),
    "an empty id": (event(""), "bad_id", "id"),
    "a time without a zone": (event(time="2026-01-01T00:00:00"), "bad_time", "time"),
    "a time far ahead": (event(time="2026-01-01T01:00:01Z"), "clock_skew", "time"),
    "an unknown version": (event(type="penstock.event.v9"), "unknown_schema_version", "type"),
    "another envelope": (event(specversion="0.3"), "unknown_schema_version", "specversion"),
    "not an object": (b"[]", "wrong_type", None),
    "a number too large": (event(amount=7.25).replace(b"7.25", b"1e400"), "not_finite", "amount"),
    "NaN": (event(amount=7.25).replace(b"7.25", b"NaN"), "not_finite", None),
    "a prediction nobody asked for": (event(prediction="yes"), "unexpected_prediction", "prediction"),
    "a prediction that is no value": (event(prediction=["yes"]), "wrong_type", "prediction"),
    "half a surrogate": (event("$").replace(b"$", b"\\ud800"), "bad_text", None),
    "a label's unknown class": (label(value="perhaps"), "unknown_class", "value"),
    "a label without an entity": (label(entity=None), "missing_entity", "entity"),
    "a name as long as a record": (event(data={"x" * 990_000: 1}), "extra_field", None),
    "an entity as long as a record": (event(data={"customer": "c" * 990_000}, amount=-1), "out_of_range", "amount"),
    "larger than the log takes": (event(subject="x" * 1_000_000), "too_large", None),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_rejected_with_its_reason_and_bytes(partition: Partition, case: str) -> None:
    value, code, field = BAD[case]

    partition.handle(records_of([event("before"), value, event("after")]))

    (rejection,) = partition.rejections()
    assert (rejection.data.code, len(partition.written["events"])) == (code, 2)
    assert field is None or rejection.data.field == field
    assert value.startswith(base64.b64decode(rejection.data.original))
    assert len(encode(rejection)) < max_record_bytes(REJECTED)


def test_a_record_without_a_source_is_rejected_under_the_validators_own(partition: Partition) -> None:
    partition.handle(records_of([b"5"]))

    (rejection,) = partition.rejections()
    assert (rejection.source, rejection.data.kind) == ("penstock/validator#rejected", "unknown")
    assert rejection.time == datetime(2026, 1, 1, tzinfo=UTC)


def test_clock_skew_is_checked_at_each_records_own_log_append_time(partition: Partition) -> None:
    ahead = event("ahead", time="2026-01-01T02:30:00Z")

    partition.handle(records_of([event(), ahead], at=lambda offset: START + offset * 2 * HOUR))

    assert len(partition.written["events"]) == 2


def test_a_duplicate_is_dropped_and_a_conflict_is_rejected(partition: Partition) -> None:
    partition.handle(records_of([event(), event(time="2026-01-01T00:10:00Z"), event(amount=2)]))

    assert (len(partition.written["events"]), partition.duplicates) == (1, 1)
    (rejection,) = partition.rejections()
    assert (rejection.source, rejection.data.code, rejection.data.entity) == ("http#rejected", "id_conflict", "c1")


def test_ids_are_unique_within_source_and_entity(partition: Partition) -> None:
    partition.handle(records_of([event(), event(source="other"), event(data={"customer": "c2"})]))

    assert len(partition.written["events"]) == 3


@pytest.mark.parametrize(("value", "kind", "window"), [(event(), "events", 24), (label(), "labels", 30 * 24)])
def test_an_operation_is_kept_for_its_window_and_no_longer(
    partition: Partition, value: bytes, kind: str, window: int
) -> None:
    for hours in (0, window, window + 1):
        partition.handle([MemoryRecord(hours, START + hours * HOUR, None, value, ())])
        partition.commit(hours + 1)
        partition.reopen()

    assert (len(partition.written[kind]), partition.duplicates) == (2, 1)


def test_a_label_may_be_revised_but_not_contradicted(partition: Partition) -> None:
    partition.handle(records_of([label(), label(value="no"), label(value="no", revision=1), label()]))

    assert [rejection.data.code for rejection in partition.rejections()] == ["label_conflict"]
    assert (len(partition.written["labels"]), partition.duplicates) == (2, 1)


def test_a_class_as_text_or_number_is_one_value() -> None:
    text = LOANS.replace('["no", "yes"]', '["0", "1"]')
    partition = Partition(declared(text), MemoryStateStore())

    partition.handle(records_of([label(value="1"), label(value=1), label(value=1.0)]))

    assert (len(partition.written["labels"]), partition.duplicates) == (1, 2)


def test_the_state_is_bounded_by_the_window(partition: Partition) -> None:
    for hour in range(0, 24 * 20, 2):
        values = [event(f"{hour}-{number}") for number in range(100)]
        partition.handle([MemoryRecord(hour * 100 + n, START + hour * HOUR, None, v, ()) for n, v in enumerate(values)])
        partition.commit(hour)

    assert len(list(partition.store.scan(b"e"))) < 24 / 2 * 100 + 2 * 256 + 100
    assert len(list(partition.store.scan(b"c"))) < 10


def test_a_name_used_again_outlives_the_deletion_of_its_first_use(partition: Partition) -> None:
    partition.handle(records_of([event(f"{number}") for number in range(CHUNK + 1)]))
    for hours in (25, 26):
        partition.handle([MemoryRecord(1000 + hours, START + hours * HOUR, None, event("0"), ())])

    assert (len(partition.written["events"]), partition.duplicates) == (CHUNK + 2, 1)


# --- properties

records = st.one_of(
    st.builds(event, st.sampled_from("abcd"), st.sampled_from([1.0, 2.0, -1.0])),
    st.builds(event, st.sampled_from("ab"), data=st.just({"customer": "c2"})),
    st.builds(label, st.sampled_from("ab"), st.sampled_from(["yes", "no", "perhaps"]), st.integers(0, 1)),
    st.sampled_from([b"{", b"5", b"null", event(time="2026-01-02T00:30:00Z")]),
)
logs = st.lists(st.tuples(records, st.integers(0, 13 * HOUR)), max_size=25)
borders = st.lists(st.integers(0, 25), max_size=5)


def log_records(log: list[tuple[bytes, int]]) -> list[MemoryRecord]:
    appended, now = [], START
    for offset, (value, pause) in enumerate(log):
        now += pause
        appended.append(MemoryRecord(offset, now, None, value, ()))
    return appended


def split(raw: list[MemoryRecord], cuts: list[int]) -> list[list[MemoryRecord]]:
    ends = sorted({min(cut, len(raw)) for cut in cuts} | {0, len(raw)})
    return [raw[start:end] for start, end in pairwise(ends)]


def run(raw: list[MemoryRecord], cuts: list[int]) -> Partition:
    partition = Partition(declared(), MemoryStateStore())
    for part in split(raw, cuts):
        partition.handle(part)
        partition.commit(part[-1].offset + 1)
    return partition


@given(logs)
def test_every_record_has_exactly_one_outcome(log: list[tuple[bytes, int]]) -> None:
    partition = Partition(declared(), MemoryStateStore())
    raw = log_records(log)

    outputs = partition.handle(raw)

    unreadable = sum(record.value == b"{" for record in raw)
    written = sum(len(output.records) for output in outputs)
    assert written + partition.duplicates + unreadable == len(raw)
    causes = [cause for output in outputs for cause in output.causes]
    assert len(set(causes)) == len(causes)


@given(logs, borders)
def test_outputs_do_not_depend_on_batch_borders(log: list[tuple[bytes, int]], cuts: list[int]) -> None:
    raw = log_records(log)

    assert run(raw, cuts).written == run(raw, []).written


@given(logs, borders, st.integers(0, 25))
def test_after_a_crash_the_same_is_written_again(log: list[tuple[bytes, int]], cuts: list[int], crash: int) -> None:
    raw = log_records(log)
    partition = Partition(declared(), MemoryStateStore())
    for number, part in enumerate(split(raw, cuts)):
        before = {noun: len(written) for noun, written in partition.written.items()}
        partition.handle(part)
        if number == crash:  # the outputs are out, the state is not
            first = {noun: written[before[noun] :] for noun, written in partition.written.items()}
            partition.written = {noun: written[: before[noun]] for noun, written in partition.written.items()}
            partition.reopen()
            partition.handle(part)
            assert {noun: written[before[noun] :] for noun, written in partition.written.items()} == first
        partition.commit(part[-1].offset + 1)

    assert partition.written == run(raw, []).written


@given(logs)
def test_a_record_sent_again_within_the_window_has_no_second_effect(log: list[tuple[bytes, int]]) -> None:
    sent = log_records([(value, 0) for value, _ in log])
    partition = Partition(declared(), MemoryStateStore())
    partition.handle(sent)
    forwarded = partition.written["events"] + partition.written["labels"]
    partition.handle([MemoryRecord(len(sent) + raw.offset, raw.timestamp, None, raw.value, ()) for raw in sent])

    assert partition.written["events"] + partition.written["labels"] == forwarded
