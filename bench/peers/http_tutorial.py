"""The ingestion of most tutorials: an event as a pydantic model, `send_and_wait`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic import BaseModel, create_model

NUMBERS = {f"f{number}": (float, ...) for number in range(20)}
CATEGORIES = dict.fromkeys(("segment", "merchant", "account"), (str, ...))
Data = create_model("Data", **NUMBERS, **CATEGORIES)


class Event(BaseModel):
    """The request body."""

    specversion: str
    type: str
    source: str
    id: str
    time: datetime
    data: Data  # type: ignore[valid-type]


@asynccontextmanager
async def open_producer(app: FastAPI) -> AsyncIterator[None]:
    """A producer while the app runs."""
    app.state.producer = AIOKafkaProducer(bootstrap_servers=os.environ["BENCH_BROKER"])
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=open_producer)


@app.post("/events", status_code=202)
async def post_event(event: Event) -> dict[str, str]:
    """Append the event to the log, and answer when the broker has confirmed it."""
    value, key = event.model_dump_json().encode(), event.data.account.encode()
    await app.state.producer.send_and_wait(os.environ["BENCH_OUTPUT"], value, key=key)
    return {"id": event.id}


uvicorn.run(app, port=int(os.environ["BENCH_PORT"]), access_log=False)
