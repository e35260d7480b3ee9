"""Reads the scenario files that several tests run."""

from __future__ import annotations

from pathlib import Path

from rollouts.simulate.scenario import Scenario, read_scenario

HERE = Path(__file__).parent


def files(folder: str) -> list[Path]:
    """Return the scenario files of a folder, sorted by name."""
    return sorted((HERE / folder).glob("*.yaml"))


def read(path: Path) -> tuple[Scenario, int]:
    """Return a file's scenario and seed."""
    return read_scenario(path.read_text(encoding="utf-8"))
