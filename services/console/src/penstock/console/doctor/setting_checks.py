"""Checks of what a user sets: environment variables, and the file of the notifier's destinations."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from penstock.console.doctor.finding import Finding, Installation, fail, ok, warn
from penstock.console.plan.port_choice import port_variable
from penstock.console.plan.service_plans import SERVICES, USUAL_PORTS
from penstock.notifier.notifications_file import BadNotifications, read_notifications
from penstock.runtime.settings import ServiceSettings, SettingsError, read_settings

PREFIX = "PENSTOCK_"
NOTIFICATIONS = "PENSTOCK_NOTIFICATIONS"


def check_variables(installation: Installation) -> Finding:
    """Every `PENSTOCK_` variable is one that is read, and those that all services read have a value that they take."""
    given = sorted(name for name in installation.environment if name.startswith(PREFIX))
    unknown = unknown_variables(given, known_variables() | _secrets(installation.environment))
    if unknown:
        return warn(f"nobody reads {', '.join(unknown)}", "; ".join(map(_meant, unknown)))
    try:
        read_settings(ServiceSettings)
    except SettingsError as error:
        return fail(str(error), "set it as expected, or unset it; then penstock down, penstock up")
    return ok(f"{len(given)} variables begin with {PREFIX}, all of them known")


def known_variables() -> set[str]:
    """The variables that services and the console read."""
    modules = [import_module(f"penstock.{service.replace('-', '_')}.settings") for service in SERVICES]
    settings = {value for module in modules for value in vars(module).values() if _is_settings(value)}
    aliases = {field.alias for each in settings for field in each.model_fields.values() if field.alias}
    return aliases | {"PENSTOCK_HOME"} | set(map(port_variable, USUAL_PORTS))


def _is_settings(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, ServiceSettings)


def unknown_variables(given: list[str], known: set[str]) -> list[str]:
    """Those that are not known.

    >>> unknown_variables(["PENSTOCK_HOME", "PENSTOCK_HOEM"], {"PENSTOCK_HOME"})
    ['PENSTOCK_HOEM']
    """
    return [name for name in given if name not in known]


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, known_variables(), 1)
    return f"{name}: perhaps {close[0]} is meant" if close else f"unset {name}"


def _secrets(environment: Mapping[str, str]) -> set[str]:
    """The variables that the file of the destinations names: those may begin so, too."""
    try:
        return set(re.findall(rf"{PREFIX}[A-Z0-9_]+", Path(environment.get(NOTIFICATIONS, "")).read_text()))
    except (OSError, UnicodeDecodeError):
        return set()


def check_notifications(installation: Installation) -> Finding:
    """Somebody is told of alerts: the file of the destinations is valid, and its secrets are there."""
    name = installation.environment.get(NOTIFICATIONS)
    if not name:
        return warn(
            "nobody is told of alerts",
            f"name a file of destinations in {NOTIFICATIONS}; see services/notifier/README.md",
        )
    try:
        destinations = read_notifications(Path(name)).destination
    except BadNotifications as error:
        return fail(str(error), "correct the file, then: penstock restart notifier")
    variables = [getattr(each, key, None) for each in destinations for key in _VARIABLES]
    unset = sorted({each for each in variables if each and not installation.environment.get(each)})
    if unset:
        return fail(f"{name} names {', '.join(unset)}, not set here", f"export {unset[0]}=…, then penstock down and up")
    if not destinations:
        return warn(f"{name} names no destination", "add a [[destination]]; see services/notifier/README.md")
    return ok(f"{len(destinations)} destinations in {name}")


_VARIABLES = ("secret_variable", "url_variable", "password_variable")
