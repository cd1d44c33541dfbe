"""What a stream child imports."""

from __future__ import annotations

import subprocess
import sys


def test_the_stream_child_imports_neither_bentoml_nor_an_http_framework_of_its_own() -> None:
    program = "import sys, penstock.server.stream; print(sorted({'bentoml', 'fastapi'} & set(sys.modules)))"
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"
