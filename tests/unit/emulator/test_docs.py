"""The examples of docs/emulator.md run."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "emulator.md"


def test_the_example_in_the_documentation_runs():
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names = {}

    exec(compile(example, str(DOCS), "exec"), names)

    stored = names["server"].get(names["config_maps"], "default", "settings")
    assert {"a": "2"} == stored["data"]
