"""Checks of the home: can it be written, is there room, whose is it, what was left behind."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from penstock.console.doctor.finding import NOT_YET, Finding, Installation, fail, ok, warn
from penstock.console.failure import ConsoleFailure
from penstock.console.home import check_format
from penstock.console.status.report import GIB
from penstock.console.status.verdict import FULL_BYTES, SHORT_SHARE
from penstock.console.supervision.home_lock import is_locked
from penstock.runtime.version_history import DISTRIBUTION, VersionHistory

SHARED_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smbfs", "fuse.sshfs", "9p", "vboxsf"}
PRIVATE = stat.S_IRWXG | stat.S_IRWXO


def check_writable(installation: Installation) -> Finding:
    """A file can be written where each process writes."""
    home = installation.home
    if not home.root.exists():
        parent = next(folder for folder in home.root.parents if folder.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            return fail(
                f"{home.root} cannot be made: this user may not write {parent}",
                "set PENSTOCK_HOME to a folder of yours",
            )
        return NOT_YET
    folders = [folder for folder in (home.root, home.run, home.logs, home.kafka, home.artifacts) if folder.exists()]
    for folder in folders:
        if why := _why_not_written(folder):
            return fail(f"{folder}: {why}", _advice_for(why, folder))
    return ok(f"{home.root} can be written")


def _why_not_written(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _advice_for(why: str, folder: Path) -> str:
    match why:
        case "No space left on device" | "Disk quota exceeded":
            return f"make room: df -h {folder}"
        case "Read-only file system":
            return f"see why it is mounted read-only (dmesg), then: mount -o remount,rw; findmnt -T {folder}"
        case _:
            return f"sudo chown -R $USER {folder}; chmod u+rwx {folder}"


def check_format_of_home(installation: Installation) -> Finding:
    """The layout is the one that this version reads."""
    try:
        check_format(installation.home)
    except (ConsoleFailure, OSError) as error:
        return fail(str(error), "install the version that wrote it, or set PENSTOCK_HOME to another folder")
    return ok("the home has the format that this version reads")


def check_versions(installation: Installation) -> Finding:
    """Which version last worked on each service's data: another one than this means that the next start upgrades."""
    folders = sorted((installation.home.root / "data").glob("*/version"))
    changed = [file.parent for file in folders if VersionHistory(file.parent).is_new()]
    if changed:
        names = ", ".join(folder.name for folder in changed)
        return warn(
            f"another version than this {DISTRIBUTION} last worked on the data of {names}", "penstock down; penstock up"
        )
    return ok(f"{len(folders)} services have worked with this version") if folders else NOT_YET


def check_disk(installation: Installation) -> Finding:
    """Room is left on the disk, in bytes and in files."""
    home = installation.home
    folder = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    system = os.statvfs(folder)
    free, total = system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize
    found = f"{free >> 20} of {total >> 20} MB are left at {folder}"
    advice = f"make room: du -sh {home.root}/*; df -h {folder}; or lower [retention] gigabytes of the largest stream"
    if free < FULL_BYTES or (system.f_files and not system.f_favail):
        return fail(found if system.f_favail or not system.f_files else "no further file can be made (df -i)", advice)
    return warn(found, advice) if free < min(GIB, SHORT_SHARE * total) else ok(found)


def check_file_system(installation: Installation) -> Finding:
    """The home is on a disk of this machine: SQLite's and RocksDB's locks do not hold on a network's."""
    parts = [
        part for part in psutil.disk_partitions(all=True) if installation.home.root.is_relative_to(part.mountpoint)
    ]
    kind = max(parts, key=lambda part: len(part.mountpoint)).fstype if parts else "an unknown kind"
    if kind in SHARED_FILE_SYSTEMS:
        return warn(f"the home is on {kind}, where locks may not hold", "set PENSTOCK_HOME to a folder on a local disk")
    return ok(f"the home is on a file system of kind {kind}")


def check_owners(installation: Installation) -> Finding:
    """All files of the home belong to this user; a start by another, such as root, leaves some that do not."""
    foreign = next(_foreign(installation.home.root), None)
    if foreign:
        return fail(f"{foreign} belongs to another user", f"sudo chown -R $USER {installation.home.root}")
    return ok("all files of the home belong to this user")


def _foreign(root: Path) -> Iterator[Path]:
    """Files of others, two folders deep: whoever starts a process there makes files that high up."""
    for pattern in ("", "*", "*/*"):
        for path in [root] if not pattern else root.glob(pattern):
            if path.exists() and path.lstat().st_uid != os.getuid():
                yield path


def check_secrets(installation: Installation) -> Finding:
    """Private keys can be read by their owner alone."""
    home = installation.home
    files = [path for path in (home.keys, home.signing_key, home.answer_key) if path.exists()]
    open_ones = [path for path in files if path.stat().st_mode & PRIVATE]
    if open_ones:
        return warn(f"others may read {', '.join(map(str, open_ones))}", f"chmod -R go= {home.keys}")
    return ok(f"{len(files)} private files are their owner's alone") if files else NOT_YET


def check_leftovers(installation: Installation) -> Finding:
    """No process runs without its supervisor, and no start was broken off."""
    home, deployment = installation.home, installation.deployment
    if deployment is None:
        return NOT_YET
    if not deployment.is_supervised:
        orphans = [name for name, record in deployment.processes.items() if record.process and record.process.group()]
        if orphans:
            return fail(f"{', '.join(orphans)} run without a supervisor", "penstock down, then penstock up")
        if is_locked(home):
            return warn(f"another process holds {home.run / 'lock'}", f"fuser -v {home.run / 'lock'}")
    aside = sorted((home.root / "data").rglob("*.corrupt-*"))
    if aside:
        return warn(
            f"corrupt state was set aside and rebuilt: {aside[0]}", "test the disk; remove the folder if it is well"
        )
    if (home.kafka / "formatting").exists() and installation.running is None:
        return warn("a first start of the broker was broken off", "penstock up begins it anew")
    return ok("nothing was left behind")


def check_record(installation: Installation) -> Finding:
    """What the supervisor knows is what its file says."""
    if installation.running is None:
        return ok("no supervisor runs")
    if installation.running.unwritten:
        return fail(
            f"the record is not up to date: {installation.running.unwritten}", "see the checks of the home and the disk"
        )
    return ok("the supervisor answers, and its record is up to date")
