"""`rollouts run` as a process: how it starts, says no, and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from shell.front import serve_front, until

from rollouts.api.refs import LEASE, ROLLOUT

ROOT = Path(__file__).parents[2]
COMMAND = """
import argparse, sys
from rollouts.cli.run import add_parser
parser = argparse.ArgumentParser()
add_parser(parser.add_subparsers())
args = parser.parse_args(sys.argv[1:])
sys.exit(args.run(args))
"""


async def start(*arguments, **environment):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        "run",
        *arguments,
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def ended(*arguments, **environment):
    async def main():
        process = await start(*arguments, **environment)
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return process.returncode, (out + err).decode()

    return asyncio.run(main())


def test_without_a_cluster_it_says_so_and_fails(tmp_path):
    code, said = ended(HOME=str(tmp_path))

    assert code == 1
    assert said.startswith("rollouts run: no cluster: there is no kubeconfig at ~/.kube/config")
    assert "Traceback" not in said


def test_a_cluster_that_does_not_answer_is_named(tmp_path):
    config = tmp_path / "config"
    config.write_text(
        '{"current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],'
        ' "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}]}'
    )
    code, said = ended("--kubeconfig", str(config), "--metrics-port", "0", "--health-port", "0")

    assert code == 1
    assert "discover server version: cannot connect to 127.0.0.1:1: " in said
    assert "Traceback" not in said


def test_settings_that_cannot_work_are_all_named():
    code, said = ended("--workers", "0", ROLLOUTS_METRICS_PORT="70000")

    assert code == 1
    assert "workers must be between 1 and 1000, not 0" in said
    assert "metrics_port must be between 0 and 65535, not 70000" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_good_order_when_told_to(tmp_path, number):
    async def main():
        async with serve_front() as front:
            front.install(ROLLOUT)
            config = front.kubeconfig(tmp_path / "config")
            ports = ("--metrics-port", "0", "--health-port", "0")
            process = await start(
                "--kubeconfig", config, *ports, "--log-format", "json", POD_NAMESPACE="default"
            )
            await until(lambda: front.items(LEASE), seconds=30)
            process.send_signal(number)
            _, err = await asyncio.wait_for(process.communicate(), 30)
            (lease,) = front.items(LEASE)
            return process.returncode, lease["spec"].get("holderIdentity"), err.decode()

    code, holder, said = asyncio.run(main())

    assert code == 0
    assert holder is None
    assert '"message":"lease released"' in said
    assert "Traceback" not in said
