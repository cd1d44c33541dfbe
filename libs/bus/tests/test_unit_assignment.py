"""Properties of the assignor: every unit owned once, evenly, whole, and as few as possible move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka.cluster import ClusterMetadata
from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.kafka.assignor import unit_assignor
from penstock.bus.routes import Unit
from penstock.bus.unit_assignment import assign_units, unit_of

streams = st.none() | st.sampled_from(["loans", "power", "shop"])
units = st.sets(st.builds(Unit, streams, st.integers(0, 7)), max_size=12)
members = st.sets(st.sampled_from("abcdef"), min_size=1)
previous = st.dictionaries(
    st.sampled_from("abcdefxy"), st.lists(st.builds(Unit, streams, st.integers(0, 7)), max_size=12)
)


@given(units, members, previous)
def test_every_unit_is_owned_once_and_shares_differ_by_one_at_most(
    units: set[Unit], members: set[str], previous: dict[str, list[Unit]]
) -> None:
    shares = assign_units(units, members, previous)
    assert set(shares) == members
    assert sorted((unit for share in shares.values() for unit in share), key=repr) == sorted(units, key=repr)
    sizes = [len(share) for share in shares.values()]
    assert max(sizes) - min(sizes) <= 1


@given(units, members, previous, st.randoms())
def test_every_leader_decides_the_same_whatever_the_order(
    units: set[Unit], members: set[str], previous: dict[str, list[Unit]], random: Any
) -> None:
    shuffled_units, shuffled_members, shuffled_held = list(units), list(members), list(previous.items())
    for order in (shuffled_units, shuffled_members, shuffled_held):
        random.shuffle(order)
    assert assign_units(shuffled_units, shuffled_members, dict(shuffled_held)) == assign_units(units, members, previous)


@given(units, members, members)
def test_as_few_units_move_as_evenness_allows(units: set[Unit], before: set[str], after: set[str]) -> None:
    previous = assign_units(units, before, {})
    shares = assign_units(units, after, previous)
    stayed = sum(len(set(previous.get(name, [])) & set(share)) for name, share in shares.items())
    even_share, larger_shares = divmod(len(units), len(after))
    owned = [len(previous.get(name, [])) for name in after]
    expected = sum(min(size, even_share) for size in owned) + min(
        larger_shares, sum(size > even_share for size in owned)
    )
    assert stayed == expected
    assert assign_units(units, after, shares) == shares


def test_no_members_own_nothing() -> None:
    assert assign_units([Unit("loans", 0)], [], {}) == {}


def test_topics_of_a_stream_and_the_control_plane_are_units() -> None:
    assert unit_of("ns.loans.events", 3, "ns") == unit_of("ns.loans.labels", 3, "ns") == Unit("loans", 3)
    assert unit_of("ns.training-runs", 0, "ns") == Unit(None, 0)


class _Cluster(ClusterMetadata):  # type: ignore[misc]
    def __init__(self, partitions: Mapping[str, int]) -> None:
        super().__init__()
        self._counts = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._counts[topic])) if topic in self._counts else None


def assign(partitions: Mapping[str, int], subscriptions: Mapping[str, list[str]]) -> dict[str, set[tuple[str, int]]]:
    assignors = {name: unit_assignor("ns") for name in subscriptions}
    metadata = {name: assignors[name].metadata(topics) for name, topics in subscriptions.items()}
    assignment = next(iter(assignors.values())).assign(_Cluster(partitions), metadata)
    return {
        name: {(topic, number) for topic, numbers in assignment.assignment for number in numbers}
        for name, assignment in assignment.items()
    }


def test_events_and_labels_of_a_partition_are_owned_together() -> None:
    topics = ["ns.loans.events", "ns.loans.labels", "ns.loans.outcomes"]
    assignment = assign({topics[0]: 4, topics[1]: 4, topics[2]: 1}, {"a": topics, "b": topics})
    for topic_partitions in assignment.values():
        assert {n for topic, n in topic_partitions if topic == topics[0]} == {
            n for topic, n in topic_partitions if topic == topics[1]
        }
    assert sum(len(topic_partitions) for topic_partitions in assignment.values()) == 9


def test_a_member_is_assigned_no_topic_that_it_does_not_subscribe_to() -> None:
    assignment = assign({"ns.old.events": 2, "ns.new.events": 2}, {"a": ["ns.old.events", "ns.new.events"], "b": []})
    assert all(topic in ("ns.old.events", "ns.new.events") for topic, _ in assignment["a"])
    assert assignment["b"] == set()


def test_a_topic_that_does_not_exist_yet_is_skipped() -> None:
    assert assign({}, {"a": ["ns.new.events"]}) == {"a": set()}


def test_a_member_keeps_its_units_at_the_next_rebalance() -> None:
    first, second = unit_assignor("ns"), unit_assignor("ns")
    cluster, topics = _Cluster({"ns.loans.events": 4}), ["ns.loans.events"]
    alone = first.assign(cluster, {"a": first.metadata(topics)})
    first.on_assignment(alone["a"])
    assert second.assigned_units == []
    both = first.assign(cluster, {"a": first.metadata(topics), "0": second.metadata(topics)})
    assert set(both["a"].assignment[0][1]) < set(alone["a"].assignment[0][1])
    garbled = first.metadata(topics)
    garbled.user_data = b"\xff"
    assert first.assign(cluster, {"a": garbled})["a"].assignment == alone["a"].assignment
