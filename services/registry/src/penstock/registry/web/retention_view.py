"""What the registry shows of retention: how much is left of each topic, as of the last check."""

from __future__ import annotations

import math
from datetime import datetime

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from penstock.registry.retention.retention_left import Level, RetentionLeft
from penstock.registry.retention.retention_watch import RetentionWatch
from penstock.registry.web.documentation import view
from penstock.registry.web.request_bodies import PageLimit


class TopicRetentionView(BaseModel):
    """A topic at the partition whose slowest `group` is nearest to what retention deletes.

    In `seconds` retention passes its position if it reads nothing more, null for never; `share` of the retention, in
    bytes or time, is left. `level` is `ample`, `low` or `passed`; an alert tells of each change. `age` is how many
    seconds ago the oldest record that it has not read was written, 0 if that is less than five minutes.
    """

    model_config = ConfigDict(frozen=True)

    stream: str | None
    topic: str
    partition: int
    group: str
    position: int
    seconds: float | None
    share: float
    age: float
    level: Level


class RetentionView(BaseModel):
    """The topics of which least is left, least first, as of `checked`; `failure` is why the newest check failed."""

    model_config = ConfigDict(frozen=True)

    checked: datetime | None
    failure: str | None
    topics: list[TopicRetentionView]


def add_retention_route(app: FastAPI, watch: RetentionWatch) -> None:
    """Add the route of the view."""

    @app.get("/v1/retention", **view())
    async def get_retention(limit: PageLimit = 100) -> RetentionView:
        """What is left before retention deletes records that a group has not read."""
        topics = [_topic_view(left, watch.level(left.topic)) for left in watch.left[:limit]]
        return RetentionView(checked=watch.checked, failure=watch.failure, topics=topics)


def _topic_view(left: RetentionLeft, level: Level) -> TopicRetentionView:
    seconds = None if math.isinf(left.seconds) else left.seconds
    return TopicRetentionView(**left._asdict() | {"seconds": seconds, "level": level})
