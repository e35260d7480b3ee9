"""`rollouts crds`: the same text as the checked-in files, on a pipe or as files."""

from __future__ import annotations

from pathlib import Path

from shell.live import run_command

CHECKED_IN = Path(__file__).parents[3] / "crds"


def test_what_it_prints_is_what_is_checked_in():
    texts = [path.read_text() for path in sorted(CHECKED_IN.iterdir())]

    assert run_command("crds").out == "---\n".join(texts)


def test_what_it_writes_is_what_is_checked_in_byte_for_byte(tmp_path):
    answer = run_command("crds", "--output", str(tmp_path / "made"))

    made = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    assert made == {path.name: path.read_bytes() for path in CHECKED_IN.iterdir()}
    assert answer.lines == [str(tmp_path / "made" / name) for name in sorted(made)]
