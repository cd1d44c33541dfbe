"""Checks of the log: does the broker answer, is it the right one, are its topics there and as they should be."""

from __future__ import annotations

import time

import httpx

from penstock.bus.ports import Log, NewTopic
from penstock.bus.topics import control_topics, stream_topics
from penstock.console.broker.broker_probe import broker_answers
from penstock.console.declared_streams import declared_streams
from penstock.console.doctor.finding import Finding, Installation, fail, ok, warn
from penstock.console.home import Home
from penstock.console.log_client import open_log_once
from penstock.console.status.disk_use import disk_use
from penstock.console.status.registry_view import retention_of

AHEAD_MS = 5000
RESTART = "penstock restart broker; penstock logs broker -n 100"


def cluster_id(home: Home) -> str | None:
    """The id that the home's broker was formatted with; None if it never was."""
    try:
        lines = (home.kafka / "storage" / "meta.properties").read_text().splitlines()
    except OSError:
        return None
    return next((line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id=")), None)


async def check_broker_answers(installation: Installation) -> Finding:
    """The broker answers with its topics, and is the one of this home."""
    running = installation.require_running()
    started = time.monotonic()
    if not await broker_answers(running.bootstrap):
        return fail(f"nothing answers at {running.bootstrap}", RESTART)
    async with open_log_once(running, cluster_id(installation.home)) as log:
        await log.existing([])
    return ok(f"it answers in {1000 * (time.monotonic() - started):.0f} ms, and is the broker of this home")


async def check_topics(installation: Installation) -> Finding:
    """Every topic is there with all its partitions and the retention that it was made with."""
    running = installation.require_running()
    async with open_log_once(running, cluster_id(installation.home)) as log:
        return await topics_finding(log, await expected_topics(log, running.namespace))


async def expected_topics(log: Log, namespace: str) -> list[NewTopic]:
    """The topics of the control plane and of every declared stream."""
    control = control_topics(namespace)
    if not await log.existing([topic.name for topic in control]):
        return control
    streams = await declared_streams(log, namespace)
    declared = filter(None, map(streams.get, streams.names()))
    return [*control, *(topic for stream in declared for topic in stream_topics(namespace, stream))]


async def topics_finding(log: Log, expected: list[NewTopic]) -> Finding:
    """What is missing of the expected topics, or kept for another time than they were made for."""
    names = [topic.name for topic in expected]
    missing = sorted(set(names) - await log.existing(names))
    if missing:
        return fail(
            f"missing: {', '.join(missing)}", "penstock restart registry makes them; lost records it cannot bring back"
        )
    ends = await log.end_offsets([(topic.name, number) for topic in expected for number in range(topic.partitions)])
    lacking = [topic.name for topic in expected if any((topic.name, n) not in ends for n in range(topic.partitions))]
    if lacking:
        return fail(f"without all their partitions, or without a leader: {', '.join(lacking)}", RESTART)
    retention = await log.retention(names)
    changed = [topic.name for topic in expected if retention[topic.name].milliseconds != topic.retention_ms]
    if changed:
        return warn(
            f"kept for another time than declared: {', '.join(changed)}",
            "nothing, if that was meant; else kafka-configs.sh --alter --add-config retention.ms=…",
        )
    return ok(f"{len(expected)} topics are there, with all partitions and their retention")


async def check_retention(installation: Installation) -> Finding:
    """No group is about to lose what it has not read, and what may be kept fits on the disk."""
    running = installation.require_running()
    async with httpx.AsyncClient(trust_env=False) as client:
        left = await retention_of(client, running)
    for topic in left.get("topics", ()):
        if topic["level"] != "ample":
            found = f"{topic['group']} has {topic['share']:.0%} of the retention of {topic['topic']} left"
            return warn(found, "penstock status; see docs/runbooks/retention-is-running-out.md")
    async with open_log_once(running, cluster_id(installation.home)) as log:
        expected = await expected_topics(log, running.namespace)
    kept = sum((topic.retention_bytes or 0) * topic.partitions for topic in expected)
    use = disk_use(installation.home)
    if kept > use.log_bytes + use.free_bytes:
        room = f"{(use.log_bytes + use.free_bytes) >> 20} MB"
        return warn(f"streams may keep {kept >> 20} MB, and there is room for {room}", "lower [retention] gigabytes")
    return ok(f"streams may keep {kept >> 20} MB, for which there is room; no group is near its end")


async def check_clock_of_log(installation: Installation) -> Finding:
    """No record was written in the future: the broker's clock was not set back."""
    running = installation.require_running()
    async with open_log_once(running, cluster_id(installation.home)) as log:
        keys = [(topic.name, 0) for topic in control_topics(running.namespace)]
        ends = await log.end_offsets(keys)
        found = await log.offsets_at(dict.fromkeys(ends, int(1000 * time.time()) + AHEAD_MS))
    ahead = sorted(topic for (topic, number), end in ends.items() if found.get((topic, number), end) < end)
    if ahead:
        return warn(
            f"records of {', '.join(ahead)} are ahead of the clock", "set the clock by NTP: timedatectl set-ntp true"
        )
    return ok("no record is ahead of the clock")
