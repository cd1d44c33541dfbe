"""Orphans: processes that a killed supervisor left running."""

from __future__ import annotations

from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.process_identity import await_group_gone
from penstock.runtime.supervision.process_group import kill_group
from penstock.runtime.supervision.process_health import ProcessState


def kill_orphans(home: Home) -> int:
    """Kill every recorded process group that outlived its supervisor; returns how many there were.

    To be called only while no supervisor runs in `home`. The broker is killed last. Nothing needs to stop in order:
    all of Penstock recovers from a kill.
    """
    deployment = Deployment.read(home)
    if deployment is None:
        return 0
    identities = [record.process for record in deployment.processes.values() if record.process]
    orphans = [identity for identity in identities if identity.group()]
    for identity in reversed(orphans):
        kill_group(identity.pid, limit_s=0.0)
        await_group_gone(identity)
    for record in deployment.processes.values():
        record.process, record.state = None, ProcessState.STOPPED
    deployment.supervisor = None
    deployment.write(home)
    return len(orphans)
