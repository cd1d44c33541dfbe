"""docs/asyncapi.json before AsyncAPI's own parser, which has AsyncAPI's own schema: `make asyncapi`.

It needs Node.js with npm, and installs the parser into `.venv/asyncapi`.
"""

from __future__ import annotations

from pathlib import Path

from tests.staging.node_packages import install_packages, run_node

SOURCES = Path(__file__).parent
DOCUMENT = SOURCES.parents[1] / "docs/asyncapi.json"


def main() -> None:
    """Validate the document."""
    folder = install_packages("asyncapi", SOURCES, "validate.mjs")
    run_node(folder, "node", "validate.mjs", str(DOCUMENT))


if __name__ == "__main__":
    main()
