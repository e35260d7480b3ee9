"""A real Prometheus for tests, on a loopback port of its own; skipped where there is none."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from urllib.parse import urlencode

import pytest

from tests.cluster.processes import free_ports

BINARY = shutil.which("prometheus")
START_SECONDS_MAX = 30

needs_prometheus = pytest.mark.skipif(BINARY is None, reason="prometheus is not on the PATH")


@contextlib.contextmanager
def running(folder, config):
    """Run a Prometheus with a configuration and end it; yields its address."""
    if BINARY is None:
        pytest.skip("prometheus is not on the PATH")
    (port,) = free_ports(1)
    path, address = folder / "prometheus.yml", f"http://127.0.0.1:{port}"
    # JSON is YAML.
    path.write_text(json.dumps(config(port)))
    flags = (
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([BINARY, *flags], stdout=log, stderr=log)
    try:
        _wait_until_ready(f"{address}/-/ready", process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(address, promql):
    """What an instant query finds: labels and value of each series."""
    query = urlencode({"query": promql})
    with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=5) as answer:
        found = json.load(answer)["data"]["result"]
    return [(each["metric"], each["value"][1]) for each in found]


def _wait_until_ready(url, process):
    last = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < last and process.poll() is None:
        # URLError is an OSError, too.
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.1)
    pytest.fail(f"the real Prometheus did not become ready: exit code {process.poll()}")
