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


def test_every_test_that_the_documentation_names_exists():
    named = set(re.findall(r"`(test_\w+(?:\.py)?)`", DOCS.read_text()))
    found = (DOCS.parents[1] / "tests" / "contract").glob("test_*.py")
    # The folder holds the contracts of other things too.
    files = [each for each in found if "from contract.kinds import" in each.read_text()]
    known = {each.name for each in files}
    for each in files:
        known |= set(re.findall(r"^def (test_\w+)\(", each.read_text(), re.MULTILINE))

    assert set() == named - known
    assert {each.name for each in files if each.name != "test_random_streams.py"} <= named
