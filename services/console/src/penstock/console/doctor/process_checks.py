"""Checks of what runs: ports, the broker's process, the services, the clock since the start."""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime

import httpx
import psutil

from penstock.console.deployment import BROKER
from penstock.console.doctor.finding import Finding, Installation, NothingRuns, fail, ok, warn
from penstock.console.home import Home
from penstock.console.local_ports import is_free, listening_process
from penstock.console.plan.port_choice import port_variable
from penstock.console.plan.service_plans import USUAL_PORTS
from penstock.console.process_identity import SAME_START_S
from penstock.console.status.deployment_status import probe_all
from penstock.console.supervision.log_files import last_lines
from penstock.console.supervision.log_line import plain_line

SKEW_S = 2.0  # the header of a response has no fractions
LONGEST_LINE = 200
UNIT_ADVICE = "penstock unit list; penstock unit resume STREAM, once the cause is mended"
SOURCE_ADVICE = "penstock stream show STREAM says what it declares; see docs/runbooks/a-source-is-away.md"


def check_ports(installation: Installation) -> Finding:
    """While nothing runs the ports are free; else nobody else than a process of ours has one."""
    deployment = installation.deployment
    ports = deployment.ports if deployment else {name: port for name, port in USUAL_PORTS.items() if name != "zipkin"}
    taken = {name: port for name, port in ports.items() if not is_free(port)}
    if installation.running is None:
        if taken and deployment:
            name, port = next(iter(taken.items()))
            found = f"the port {port} of {name} is taken by {listening_process(port)}"
            return warn(found, f"penstock up chooses another; or end that process; or set {port_variable(name)}")
        used = f"{len(taken)} of the usual ports are taken, so others are chosen" if taken else "all ports are free"
        return ok(used)
    alive = {name: record for name, record in installation.running.processes.items() if record.process}
    silent = [name for name, record in alive.items() if is_free(record.port)]
    if silent:
        return warn(f"nobody listens yet on the port of {', '.join(silent)}", f"penstock logs {silent[0]}")
    return ok(f"{len(taken)} ports are in use by what runs here")


def check_broker_process(installation: Installation) -> Finding:
    """The broker has a process."""
    running = installation.require_running()
    if BROKER not in running.processes:
        return ok(f"the broker is elsewhere: {running.bootstrap}")
    record = running.processes[BROKER]
    process = record.process.find() if record.process else None
    if process is None:
        words = _last_words(installation.home, BROKER)
        return fail(f"the broker has no process; its last words: {words}", "penstock logs broker -n 100")
    if process.status() == psutil.STATUS_STOPPED:
        return fail(f"the broker's process {process.pid} is suspended", f"kill -CONT {process.pid}")
    return ok(f"process {process.pid}, restarted {record.restarts} times")


async def check_services(installation: Installation) -> Finding:
    """Every process is ready; the first that is not is named with its last words."""
    running = installation.require_running()
    async with httpx.AsyncClient(trust_env=False) as client:
        processes = await probe_all(client, running)
    unready = [process for process in processes if not process.ready]
    if unready:
        first = unready[0]
        words = _last_words(installation.home, first.name)
        rest = f"; {', '.join(each.name for each in unready[1:])} too" if unready[1:] else ""
        advice = f"penstock logs {first.name} -n 50; penstock restart {first.name}"
        return fail(f"{first.name}: {first.why}; its last words: {words}{rest}", advice)
    failing = {f"{each.name}: {what}": why for each in processes for what, why in each.failing.items()}
    if failing:
        what, why = next(iter(failing.items()))
        return warn(f"{what}: {why}", advice_on(what))
    return ok(f"{len(processes)} processes are ready")


def advice_on(failing: str) -> str:
    """What to do about something that a process cannot work on for now, such as `ingestion: source loans/orders`."""
    return SOURCE_ADVICE if ": source " in failing else UNIT_ADVICE


def _last_words(home: Home, process: str) -> str:
    """The last line that a process wrote that is not a line of a stack."""
    lines = [plain_line(line).strip() for line in last_lines(home.log_file(process), 50) if line[:1].strip()]
    return lines[-1][:LONGEST_LINE] if lines else "it wrote nothing"


def check_clock_of_files(installation: Installation) -> Finding:
    """No file was written in the future: the clock was not set back."""
    home = installation.home
    files = [path for folder in (home.root, home.run, home.logs) if folder.exists() for path in folder.iterdir()]
    ahead = max((path.lstat().st_mtime - time.time() for path in files), default=0.0)
    if ahead > SKEW_S:
        found = f"a file of the home is {ahead:.0f} s ahead of the clock"
        return warn(found, "set the clock (timedatectl); then penstock restart each service")
    return ok("no file of the home is ahead of the clock")


def check_clock_since_start(installation: Installation) -> Finding:
    """The clock was not set since the start: processes are known by when they were created."""
    deployment = installation.deployment
    if deployment is None or deployment.supervisor is None:
        raise NothingRuns
    recorded = deployment.supervisor
    try:
        process = psutil.Process(recorded.pid)
        moved = process.create_time() - recorded.created
        is_ours = str(installation.home.root) in process.cmdline()
    except psutil.Error as error:
        raise NothingRuns from error
    if is_ours and abs(moved) >= SAME_START_S:
        return fail(
            f"the clock was set by {moved:+.0f} s since the start, so running processes are taken for others",
            f"kill {recorded.pid}, wait until it has ended, then penstock up",
        )
    return ok("the clock has not jumped since the start")


async def check_clock_of_services(installation: Installation) -> Finding:
    """The services' clocks agree with this one."""
    running = installation.require_running()
    urls = [record.url for record in running.processes.values() if record.url.startswith("http")]
    async with httpx.AsyncClient(trust_env=False, timeout=SKEW_S) as client:
        skews = [skew for skew in await asyncio.gather(*(_skew(client, url) for url in urls)) if skew is not None]
    worst = max(skews, key=abs, default=0.0)
    if abs(worst) > SKEW_S:
        return warn(f"a service's clock is {worst:+.0f} s off", "set the clocks by NTP: timedatectl set-ntp true")
    return ok(f"the clocks of {len(skews)} services agree with this one")


async def _skew(client: httpx.AsyncClient, url: str) -> float | None:
    before = time.time()
    try:
        date = (await client.get(f"{url}/healthz")).headers.get("date")
    except httpx.HTTPError:
        return None
    return clock_difference(parsedate_to_datetime(date).timestamp(), before, time.time()) if date else None


def clock_difference(date: float, before: float, after: float) -> float:
    """By how many seconds a clock is off that said `date`, in whole seconds, in between two times of this one.

    >>> clock_difference(100, before=100.5, after=103), clock_difference(200, before=100.5, after=103)
    (0.0, 97.0)
    """
    return min(0.0, date + 1 - before) or max(0.0, date - after)
