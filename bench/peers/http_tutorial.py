"""The ingestion of most tutorials: a pydantic event, `send_and_wait`."""

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
    """What a producer sends."""

    specversion: str
    type: str
    source: str
    id: str
    time: datetime
    data: Data  # type: ignore[valid-type]


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    """A producer for as long as the app runs."""
    app.state.producer = AIOKafkaProducer(bootstrap_servers=os.environ["BENCH_BROKER"])
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=connected)


@app.post("/events", status_code=202)
async def take(event: Event) -> dict[str, str]:
    """Put the event on the log, and say so when it is there."""
    value, key = event.model_dump_json().encode(), event.data.account.encode()
    await app.state.producer.send_and_wait(os.environ["BENCH_OUTPUT"], value, key=key)
    return {"id": event.id}


uvicorn.run(app, port=int(os.environ["BENCH_PORT"]), access_log=False)
