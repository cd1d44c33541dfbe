"""Where the services of a deployment are, and requests to the registry."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from penstock.client.errors import PenstockError
from penstock.client.http_requests import DOWNLOAD, Requests

JSON = {"content-type": "application/json"}
LAGGING = ("unknown_stream",)
"""Problems that pass: the registry knows the stream, and another service has not read of it yet."""

T = TypeVar("T")


class _Deployment(msgspec.Struct):
    services: dict[str, str]


class Services:
    """The services by name; those that were not given are asked of the registry, once."""

    def __init__(self, registry: str, actor: str | None, requests: Requests, known: Mapping[str, str]) -> None:
        self.requests = requests
        self._actor = {} if actor is None else {"x-penstock-actor": actor}
        self._urls = {"registry": registry, **known}
        self._asked = False

    async def url(self, service: str) -> str:
        """The address of a service, without a slash at its end.

        Raises:
            PenstockError: the deployment has none of this name.
        """
        if service not in self._urls and not self._asked:
            self._urls = (await self.get("deployment", _Deployment)).services | self._urls
            self._asked = True
        if service not in self._urls:
            raise PenstockError(
                f"The registry at {self._urls['registry']} knows no service {service!r}: name its address, as"
                f" Penstock(services={{{service!r}: 'http://…'}})."
            )
        return self._urls[service].rstrip("/")

    async def get(self, path: str, answer: type[T], query: Mapping[str, Any] | None = None) -> T:
        """What the registry shows at a path below `/v1/`."""
        url = f"{await self.url('registry')}/v1/{path}"
        return _decoded(await self.requests.send("GET", url, query=query), answer, url)

    async def ask_console(self, path: str, answer: type[T], query: Mapping[str, Any] | None = None) -> T:
        """What the console tells programs at a path below `/v1/`."""
        url = f"{await self.url('console')}/v1/{path}"
        return _decoded(await self.requests.send("GET", url, query=query), answer, url)

    async def download(
        self, path: str, query: Mapping[str, Any] | None = None, question: Mapping[str, Any] | None = None
    ) -> bytes:
        """A file of the console at a path below `/v1/`: of a GET, or of a POST that asks a question."""
        url = f"{await self.url('console')}/v1/{path}"
        if question is None:
            return await self.requests.send("GET", url, query=query, waits=DOWNLOAD)
        content = msgspec.json.encode(question)
        return await self.requests.send("POST", url, content=content, headers=JSON, query=query, waits=DOWNLOAD)

    async def get_list(self, path: str, item: type[T], query: Mapping[str, Any] | None = None) -> list[T]:
        """What the registry shows at a path below `/v1/` under its last part."""
        name = path.rpartition("/")[2]
        found = await self.get(path, dict[str, list[item]], query)  # type: ignore[valid-type]
        return found[name]

    async def command(self, path: str, body: Mapping[str, Any], answer: type[T]) -> T:
        """Have the registry carry out a command, once, however often the request is repeated."""
        content = msgspec.json.encode({name: value for name, value in body.items() if value is not None})
        url = f"{await self.url('registry')}/v1/{path}"
        headers = {**JSON, **self._actor, "idempotency-key": uuid.uuid4().hex}
        return _decoded(await self.requests.send("POST", url, content=content, headers=headers), answer, url)

    async def put(self, path: str, content: bytes, media_type: str, answer: type[T]) -> T:
        """Have the registry keep a document."""
        url = f"{await self.url('registry')}/v1/{path}"
        headers = {"content-type": media_type, **self._actor}
        return _decoded(await self.requests.send("PUT", url, content=content, headers=headers), answer, url)


def _decoded(content: bytes, answer: type[T], url: str) -> T:
    try:
        return msgspec.json.decode(content, type=answer)
    except msgspec.MsgspecError as error:
        raise PenstockError(
            f"{url} answered what this client cannot read ({error}): is it a service of Penstock?"
        ) from error
