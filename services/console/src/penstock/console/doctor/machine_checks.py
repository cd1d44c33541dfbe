"""Checks of the machine: Python and its packages, Java, memory, open files."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distributions, requires, version

import psutil
from packaging.requirements import Requirement

from penstock.console.broker.jar_pins import Pin, read_pins
from penstock.console.broker.jars import user_cache
from penstock.console.broker.java import OLDEST_JAVA, find_java, major_version
from penstock.console.doctor.finding import Finding, Installation, fail, ok, warn

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 11)
ENOUGH_FILES = 4096
ENOUGH_MEMORY = 1 << 30  # bytes beside what runs already; a start of everything takes twice as much
REINSTALL = "install Penstock anew: make setup, or pip install --force-reinstall penstock"
JAVA_LIMIT_S = 20


def check_python(_: Installation) -> Finding:
    """The version that the packages are pinned for."""
    found = f"Python {sys.version.split()[0]} at {sys.executable}"
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return fail(found, "use Python 3.11")
    return ok(found)


def check_packages(_: Installation) -> Finding:
    """All distributions of Penstock are of one version, and have what they require."""
    ours = sorted({each.metadata["Name"] for each in distributions() if each.metadata["Name"].startswith("penstock-")})
    versions = {version(name) for name in ours}
    if len(versions) > 1:
        return fail(f"the distributions of Penstock are of versions {', '.join(sorted(versions))}", REINSTALL)
    missing = sorted({line for name in ours for line in unmet_requirements(requires(name) or [])})
    if missing:
        return fail(f"not installed as required: {', '.join(missing)}", REINSTALL)
    return ok(f"{len(ours)} distributions of version {', '.join(versions)}, with all that they require")


def unmet_requirements(lines: list[str]) -> Iterator[str]:
    """Those of the requirements, as in a distribution's metadata, that the installed packages do not meet.

    >>> list(unmet_requirements(["psutil>=1", "psutil>=99", 'psutil>=99; extra == "all"']))
    ['psutil>=99']
    """
    for requirement in map(Requirement, lines):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            if not requirement.specifier.contains(version(requirement.name), prereleases=True):
                yield str(requirement)
        except PackageNotFoundError:
            yield str(requirement)


def check_java(installation: Installation) -> Finding:
    """A Java runs that is new enough for the broker."""
    java = find_java(installation.environment)
    advice = f"install a Java {OLDEST_JAVA} or newer, and set JAVA_HOME to it; or {REINSTALL}"
    try:
        result = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=JAVA_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return fail(f"{java} does not run: {error}", advice)
    if result.returncode or major_version(result.stderr) < OLDEST_JAVA:
        return fail(f"{java} does not run, or is older than Java {OLDEST_JAVA}", advice)
    return ok(f"Java {major_version(result.stderr)} at {java}")


def check_archives(_: Installation) -> Finding:
    """The broker's archives are in the cache, and are those that are pinned."""
    folder = user_cache() / "jars"
    pins = read_pins("kafka")
    damaged = [pin for pin in pins if (folder / pin.file_name).exists() and not pin.matches(folder / pin.file_name)]
    if damaged:
        return fail(f"damaged in {folder}: {_names(damaged)}", f"rm {folder / damaged[0].file_name}; penstock up")
    missing = [pin for pin in pins if not (folder / pin.file_name).exists()]
    if missing:
        return warn(
            f"{len(missing)} of {len(pins)} archives of Kafka are not in {folder}", "penstock up downloads them"
        )
    return ok(f"the {len(pins)} archives of Kafka are in {folder}, as pinned")


def _names(pins: list[Pin]) -> str:
    return ", ".join(pin.file_name for pin in pins)


def check_open_files(_: Installation) -> Finding:
    """The broker keeps some files open for each topic partition, the services a connection for each client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < ENOUGH_FILES:
        return warn(f"a process may open {soft} files (at most {hard})", f"ulimit -n {ENOUGH_FILES}, then penstock up")
    return ok(f"a process may open {'any number of' if soft == resource.RLIM_INFINITY else soft} files")


def check_memory(_: Installation) -> Finding:
    """Memory that is available now."""
    memory = psutil.virtual_memory()
    found = f"{memory.available >> 20} of {memory.total >> 20} MB of memory are available"
    if memory.available < ENOUGH_MEMORY:
        return warn(
            found, "stop what else runs, or the system may end the broker: penstock status shows who takes what"
        )
    return ok(found)
