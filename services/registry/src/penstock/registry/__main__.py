"""`python -m penstock.registry`."""

from __future__ import annotations

from penstock.registry.settings import RegistrySettings
from penstock.registry.wiring import build
from penstock.runtime.runner import run


def main() -> None:
    """Run the registry until a signal ends it."""
    run("registry", RegistrySettings, build)


if __name__ == "__main__":
    main()
