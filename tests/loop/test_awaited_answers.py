"""Several bodies under one id, in any order, by any door: whoever waits gets the answer to their own body, or none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.ports import RecordBatch
from penstock.bus.publisher import Publisher
from penstock.console.demo.credit_risk import SOURCE, START
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.contracts.declaration.stream import ServingDeclaration
from penstock.contracts.operation_header import OPERATION
from penstock.contracts.partitioner import partition_of
from penstock.contracts.topics import RECEIVED
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.wiring import build
from penstock.runtime.single_process import SingleProcess, VirtualClock

BODIES, DOORS, CUSTOMER = 3, 2, "c-1"
Body = int
Door = Literal["kafka", "forged"] | int


@dataclass(frozen=True)
class Send:
    """A body that is sent: to one of the instances of ingestion, which may be waited at, or straight to Kafka, perhaps
    under a header that claims the answer to another body.
    """

    id: str
    body: Body
    door: Door
    waits: bool = False


Step = Send | Literal["handle"]
"""Something is sent, or all services handle what they find."""

ids, bodies = st.sampled_from("abc"), st.integers(0, BODIES - 1)
posted = st.builds(Send, ids, bodies, st.integers(0, DOORS - 1), st.booleans())
written = st.builds(Send, ids, bodies, st.sampled_from(["kafka", "forged"]))
schedules = st.lists(posted | posted | written | st.just("handle"), min_size=10, max_size=30)


def event(send: Send) -> bytes:
    """An event in one of its bodies; its external prediction says in which."""
    data = {"customer": CUSTOMER, "income": float(send.body), "amount": 1.0, "account_months": 1, "purpose": "car"}
    attributes = {"specversion": "1.0", "type": "penstock.event.v1", "source": SOURCE, "time": START.isoformat()}
    own = {"id": send.id, "data": data, "prediction": "yes", "modelversion": f"body-{send.body}"}
    return json.dumps(attributes | own).encode()


@dataclass(frozen=True)
class Deployment:
    """All services, and the doors: several instances of ingestion that know nothing of each other."""

    services: InProcessDeployment
    doors: Sequence[httpx.AsyncClient]

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.services.watch.stream.name

    def received(self) -> list[MemoryRecord]:
        """The records of all doors: they have one key, and so lie in one partition."""
        return self.services.log.records_of(self._received_partition)

    @property
    def _received_partition(self) -> tuple[str, int]:
        topic = RECEIVED.name("penstock", self.stream)
        return topic, partition_of(CUSTOMER.encode(), len(self.services.log.partitions_of(topic)))

    async def send(self, send: Send) -> Request:
        """Send, and return once the record is on the log or refused; the request, unless it went straight to Kafka."""
        content = event(send)
        if not isinstance(send.door, int):
            headers = [(OPERATION, b"the digest of another")] if send.door == "forged" else []
            record = RecordBatch.single(*self._received_partition, CUSTOMER.encode(), content, headers)
            self.services.log.append([record])
            return None
        path = f"/v1/streams/{self.stream}/events" + ("?wait=30000" if send.waits else "")
        before = len(self.received())
        post = self.doors[send.door].post(path, content=content, headers={"content-type": "application/json"})
        request = asyncio.create_task(post)
        await eventually(lambda: request.done() or len(self.received()) > before)
        return request


Request = asyncio.Task[httpx.Response] | None


@asynccontextmanager
async def open_deployment() -> AsyncIterator[Deployment]:
    declaration = demo_declaration().model_copy(update={"serving": ServingDeclaration(model="external")})
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(in_process_deployment(declaration))
        await services.send("event", [], START)
        doors = [await stack.enter_async_context(open_door(services)) for _ in range(DOORS)]
        for door in doors:
            await door.get(f"/v1/streams/{declaration.name}/predictions/none")  # answers are followed from here on
        yield Deployment(services, doors)


@asynccontextmanager
async def open_door(services: InProcessDeployment) -> AsyncIterator[httpx.AsyncClient]:
    """An instance of ingestion."""
    resources = SingleProcess().resources()
    publisher = Publisher(services.log, resources.namespace, resources.streams)
    clock = VirtualClock(int(START.timestamp() * 1000))
    resources = replace(resources, log=services.log, publisher=publisher, clock=clock)
    resources.streams.apply(services.watch.stream)
    service = build(IngestionSettings(), resources)
    await service.tasks[0]()
    assert service.app is not None
    transport = httpx.ASGITransport(service.app)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(transport=transport, base_url="http://ingestion") as client,
    ):
        yield client


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0)


def told(response: httpx.Response) -> str:
    """The body that a response tells of, the code that it was refused with, or `accepted`."""
    document = response.json()
    if response.status_code == 200 and document["status"] == "predicted":
        return str(document["prediction"]["model"].partition("@")[2])
    return str(document.get("rejection", document).get("code", "accepted"))


@settings(max_examples=15)
@given(schedules)
async def test_whoever_waits_gets_the_answer_to_their_own_body(schedule: list[Step]) -> None:
    async with open_deployment() as deployment:
        sent: list[tuple[Send, Request]] = []
        for step in schedule:
            if step == "handle":
                await deployment.services.run_pending()
            else:
                sent.append((step, await deployment.send(step)))
        await deployment.services.run_pending()

        first = first_records(deployment.received())
        unanswered = []
        for send, request in sent:
            if request is None or was_refused(request):
                continue
            is_first = first[send.id].value == event(send)
            if not send.waits:
                assert told(await request) == "accepted"
            elif not is_first or first[send.id].headers:
                assert told(await request) == (f"body-{send.body}" if is_first else "id_conflict")
            else:
                unanswered.append(request)  # dropped; nobody waited for the first, so its answer says not whose it is
        assert not any(request.done() for request in unanswered)
        for request in unanswered:
            request.cancel()


def was_refused(request: asyncio.Task[httpx.Response]) -> bool:
    """Whether the door refused at once, since it remembers that it took another body under the id."""
    return request.done() and request.result().status_code == 409


def first_records(records: Sequence[MemoryRecord]) -> dict[str, MemoryRecord]:
    """The first record under each event's id, which is the one that is handled."""
    first: dict[str, MemoryRecord] = {}
    for record in records:
        first.setdefault(json.loads(record.value or b"")["id"], record)
    return first
