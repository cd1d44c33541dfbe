"""All checks, each within a time limit; one that fails itself says so, and keeps no other from being made."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping

from penstock.bus.errors import TransientError
from penstock.console.doctor.database_check import check_database
from penstock.console.doctor.finding import NOTHING_RUNS, Finding, Installation, NothingRuns, fail, ok, warn
from penstock.console.doctor.home_checks import (
    check_disk,
    check_file_system,
    check_format_of_home,
    check_leftovers,
    check_owners,
    check_record,
    check_secrets,
    check_versions,
    check_writable,
)
from penstock.console.doctor.key_checks import check_answer_key, check_signing_keys
from penstock.console.doctor.log_checks import (
    RESTART,
    check_broker_answers,
    check_clock_of_log,
    check_retention,
    check_topics,
)
from penstock.console.doctor.machine_checks import (
    check_archives,
    check_java,
    check_memory,
    check_open_files,
    check_packages,
    check_python,
)
from penstock.console.doctor.process_checks import (
    check_broker_process,
    check_clock_of_files,
    check_clock_of_services,
    check_clock_since_start,
    check_ports,
    check_services,
)
from penstock.console.doctor.setting_checks import check_notifications, check_variables

LIMIT_S = 12.0  # twice what the broker is given to answer
ANSWERS = "broker answers"

Check = Callable[[Installation], Finding | Awaitable[Finding]]

CHECKS: dict[str, Check] = {
    "python": check_python,
    "packages": check_packages,
    "java": check_java,
    "kafka archives": check_archives,
    "memory": check_memory,
    "open files": check_open_files,
    "variables": check_variables,
    "notifications": check_notifications,
    "home format": check_format_of_home,
    "home writable": check_writable,
    "disk": check_disk,
    "file system": check_file_system,
    "owners": check_owners,
    "private files": check_secrets,
    "signing keys": check_signing_keys,
    "answer key": check_answer_key,
    "database": check_database,
    "versions": check_versions,
    "leftovers": check_leftovers,
    "supervisor's record": check_record,
    "ports": check_ports,
    "broker process": check_broker_process,
    ANSWERS: check_broker_answers,
    "services": check_services,
    "clock of files": check_clock_of_files,
    "clock since start": check_clock_since_start,
    "clock of services": check_clock_of_services,
}
LOG_CHECKS: dict[str, Check] = {
    "topics": check_topics,
    "retention": check_retention,
    "clock of the log": check_clock_of_log,
}
"""What is asked of the broker, if it answers."""
NOT_ASKED = ok("not asked, since the broker does not answer")


async def examine(installation: Installation, limit_s: float = LIMIT_S) -> dict[str, Finding]:
    """Make all checks, as many at once as depend on no other; their findings in a fixed order."""
    findings = await _make_all(CHECKS, installation, limit_s)
    if findings[ANSWERS].outcome == "fail":
        return findings | dict.fromkeys(LOG_CHECKS, NOT_ASKED)
    return findings | await _make_all(LOG_CHECKS, installation, limit_s)


async def _make_all(checks: Mapping[str, Check], installation: Installation, limit_s: float) -> dict[str, Finding]:
    found = await asyncio.gather(*(_make(check, installation, limit_s) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


async def _make(check: Check, installation: Installation, limit_s: float) -> Finding:
    try:
        async with asyncio.timeout(limit_s):
            if inspect.iscoroutinefunction(check):
                finding: Finding = await check(installation)
                return finding
            return await asyncio.to_thread(check, installation)  # type: ignore[arg-type]
    except NothingRuns:
        return NOTHING_RUNS
    except TimeoutError:
        return fail(f"no answer within {limit_s:g} s", RESTART)
    except TransientError as error:
        return fail(str(error), RESTART)
    except OSError as error:
        return fail(str(error), "see the checks of the home")
    except Exception as error:
        return warn(f"the check itself failed: {type(error).__name__}: {error}", "report it as a bug")
