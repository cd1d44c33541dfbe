"""The child processes of the server: how many of each kind run, and how."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from penstock.runtime.supervision.supervised_process import ProcessSpec, SupervisedProcess
from penstock.server.settings import SupervisorSettings

WRONG_SETTING = 2  # the exit code of a child that no restart can help


def child_specs(settings: SupervisorSettings) -> list[ProcessSpec]:
    """The children that the settings ask for.

    They stay in the process group of this process, so that whoever kills the group kills them too.

    >>> [spec.name for spec in child_specs(SupervisorSettings(PENSTOCK_STREAM_WORKERS=2))]
    ['http-1', 'stream-1', 'stream-2']
    """
    shared = {"PENSTOCK_SHARE_PORT": "1"} if settings.http_workers > 1 else {}
    http = [_child_spec("http", number, shared) for number in range(settings.http_workers)]
    stream = [
        _child_spec("stream", number, {"PENSTOCK_STREAM_PORT": str(settings.stream_port + number)})
        for number in range(settings.stream_workers)
    ]
    return http + stream


def children_document(children: Sequence[SupervisedProcess]) -> str:
    """How the children are, as JSON: the list `children` of name, state, pid, restarts and why each ended last."""
    return json.dumps({"children": [{"name": child.spec.name, **asdict(child.status)} for child in children]})


def _child_spec(kind: str, number: int, environment: Mapping[str, str]) -> ProcessSpec:
    return ProcessSpec(
        name=f"{kind}-{number + 1}",
        command=(sys.executable, "-m", f"penstock.server.{kind}"),
        environment={"PENSTOCK_SUPERVISOR": str(os.getpid()), **environment},
        final_exit_code=WRONG_SETTING,
    )
