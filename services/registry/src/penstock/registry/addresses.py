"""Where clients find the parts of the deployment: the services, the broker and the artifact store.

`PENSTOCK_ADDRESSES` names them, `NAME=ADDRESS` with commas between: a service by its URL, `kafka` by host and port. An
address that is a port alone, `:8010`, is on the host by which the client reached the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KAFKA = "kafka"


@dataclass(frozen=True)
class Addresses:
    """What a client needs to use a deployment, the addresses as they were declared.

    `artifacts` is the URL or path of the store, and `trusted_keys` are the public keys, in PEM, that sign its models.
    """

    namespace: str
    kafka: str
    artifacts: str
    trusted_keys: str
    services: Mapping[str, str] = field(default_factory=dict)

    def kafka_at(self, host: str) -> str:
        """The bootstrap servers for a client that knows this machine as `host`."""
        return f"{host}{self.kafka}" if self.kafka.startswith(":") else self.kafka

    def services_at(self, host: str, scheme: str = "http") -> dict[str, str]:
        """The URL of each service, without a trailing slash, for a client that knows this machine as `host`.

        >>> Addresses("penstock", "", "", "", {"server": ":8020"}).services_at("models.example", "https")
        {'server': 'https://models.example:8020'}
        """
        return {
            name: f"{scheme}://{host}{address}" if address.startswith(":") else address.rstrip("/")
            for name, address in self.services.items()
        }


def parse_addresses(text: str) -> dict[str, str]:
    """The addresses by name.

    >>> parse_addresses("server=:8020, kafka=broker:9092")
    {'server': ':8020', 'kafka': 'broker:9092'}

    Raises:
        ValueError: an entry is not NAME=ADDRESS.
    """
    addresses = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, address = (part.strip() for part in entry.partition("="))
        if not (name and _is_address(name, address)):
            raise ValueError(f"{entry!r} is not NAME=URL, NAME=:PORT or kafka=HOST:PORT")
        addresses[name] = address
    return addresses


def _is_address(name: str, address: str) -> bool:
    host, colon, port = address.rpartition(":")
    is_port = colon == ":" and port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if name == KAFKA:
        return is_port
    return address.startswith(("http://", "https://")) or (not host and is_port)
