"""What charts are told of the cluster: asked once in a while, not at each render."""

import asyncio
from datetime import UTC, datetime, timedelta

from shell.wire import Answer, connected

from rollouts.controller.capabilities import KEPT, ServedCapabilities
from rollouts.gitops.render.chart import Capabilities

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
GROUPS = {"groups": [{"versions": [{"groupVersion": "apps/v1"}]}]}


def requests_after(tmp_path, *moments):
    """Ask at these moments, each after the start; return the last answer and the requests."""

    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            now = START
            served = ServedCapabilities(cluster, lambda: now)
            for moment in moments:
                now = START + moment
                wire.answers = [Answer(200, {"gitVersion": "v1.36.3"}), Answer(200, GROUPS)]
                found = await served()
            return found, len(wire.asked)

    return asyncio.run(main())


def test_version_and_api_versions_are_told(tmp_path):
    found, requests = requests_after(tmp_path, timedelta(0))

    assert found == Capabilities("v1.36.3", ("apps/v1",))
    assert requests == 2


def test_an_answer_serves_for_a_while(tmp_path):
    almost = KEPT - timedelta(seconds=1)

    assert requests_after(tmp_path, timedelta(0), almost)[1] == 2
    assert requests_after(tmp_path, timedelta(0), KEPT)[1] == 4


def test_a_clock_that_steps_back_makes_no_answer_eternal(tmp_path):
    assert requests_after(tmp_path, timedelta(0), timedelta(hours=-1))[1] == 4
