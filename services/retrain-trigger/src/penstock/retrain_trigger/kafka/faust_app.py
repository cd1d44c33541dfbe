"""The configuration of Faust: raw bytes, no tables, no topics of its own, no web server."""

from __future__ import annotations

from pathlib import Path

import faust

from penstock.bus.kafka.log import Connection
from penstock.retrain_trigger.kafka.commits import CommitTrackingConsumer

COMMIT_INTERVAL = 0.05  # seconds: `quiet` waits for the group to have committed to the ends of its topics
SESSION_TIMEOUT = 10.0  # seconds a silent member keeps its partitions
REQUEST_TIMEOUT = 12.0  # seconds; Faust wants it longer than the session


def faust_app(group: str, connection: Connection, data_folder: Path) -> faust.App:
    """An app that joins `group` over a connection like every other client's."""
    app = faust.App(
        group,
        broker=[f"kafka://{server.strip()}" for server in connection.bootstrap_servers.split(",")],
        broker_credentials=credentials(connection),
        broker_commit_interval=COMMIT_INTERVAL,
        broker_session_timeout=SESSION_TIMEOUT,
        broker_heartbeat_interval=1.0,
        broker_request_timeout=REQUEST_TIMEOUT,
        broker_client_id=group,
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        key_serializer="raw",
        value_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        store="memory://",
        datadir=data_folder / "faust",
        autodiscover=False,
    )
    app.transport.Consumer = CommitTrackingConsumer  # type: ignore[misc]  # of this app alone
    return app


def credentials(connection: Connection) -> faust.auth.Credentials | None:
    """The connection's TLS and SASL settings as Faust names them, None for a plain connection."""
    arguments = connection.client_settings()
    context = arguments.get("ssl_context")
    if "sasl_mechanism" in arguments:
        return faust.SASLCredentials(
            mechanism=arguments["sasl_mechanism"],
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
