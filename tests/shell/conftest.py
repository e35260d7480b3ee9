"""Fixtures of the shell's tests."""

from __future__ import annotations

import pytest
from shell.gitops_world import World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()
