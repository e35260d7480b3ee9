"""The provider in the examples, installed as users install it and asked through the registry."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from providers_world import query, settings
from shell.live import Live, run_command

from rollouts.analysis.sample import Gap, MeasurementError
from rollouts.api.refs import ANALYSIS_RUN, ANALYSIS_TEMPLATE, SECRET
from rollouts.api.yaml_writer import dump_yaml
from rollouts.metric_providers.provider import ProviderSettings
from rollouts.metric_providers.registry import Providers

EXAMPLE = Path(__file__).parents[2] / "examples" / "09-metric-provider"
TOKEN = "line-server-token"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example, built and installed into a folder of its own, without a network."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder)),
            str(EXAMPLE),
        ],
        check=True,
        timeout=120,
    )
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("rollouts_line_provider", None)


@contextlib.asynccontextmanager
async def line_server(answer):
    """A server that answers every key with the same bytes; yields its address and what it heard."""
    heard = []

    async def serve(reader, writer):
        heard.extend([await reader.readline(), await reader.readline()])
        if answer is None:
            heard.append(await reader.read())
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname()[:2]), heard
    finally:
        server.close()


def measure(answer, *, seconds=5.0, operator=None, **config):
    """What the installed provider brings home, and what its server heard."""

    async def read_secret(name, key):
        return {("line-server", "token"): f"{TOKEN}\n"}[name, key]

    async def ask():
        providers = Providers(operator or settings())
        async with line_server(answer) as (address, heard):
            asked = query(
                {"address": address, "key": "errors"} | config,
                seconds=seconds,
                read_secret=read_secret,
            )
            try:
                return await providers.sample("line", asked), heard
            finally:
                await providers.close()

    return asyncio.run(ask())


def failure(answer, **more):
    with pytest.raises(MeasurementError) as failed:
        measure(answer, **more)
    return str(failed.value)


pytestmark = pytest.mark.usefixtures("installed")


def test_it_is_found_beside_our_own():
    assert {"line", "prometheus", "web"} <= set(Providers(ProviderSettings()).names)


def test_it_measures_with_a_token_from_a_secret():
    found, heard = measure(b"0.25\n", tokenFrom={"name": "line-server", "key": "token"})

    assert (found.result, found.text, found.gaps) == (0.25, "0.25", ())
    assert heard == [f"AUTH {TOKEN}\n".encode(), b"GET errors\n"]


@pytest.mark.parametrize(
    ("answer", "gap"),
    [(b"\n", Gap.EMPTY), (b"nan\n", Gap.NOT_A_NUMBER), (b"-inf\n", Gap.INFINITE)],
)
def test_what_is_no_plain_number_is_a_gap(answer, gap):
    assert measure(answer)[0].gaps == (gap,)


@pytest.mark.parametrize(
    ("answer", "more", "message"),
    [
        (None, {"seconds": 0.2}, "gave no answer within 0.2s"),
        (None, {"timeoutSeconds": 0.2}, "gave no answer within 0.2s"),
        (b"1" * 5000 + b"\n", {}, "longer than 1024 bytes"),
        (b"1" * 3_000_000, {}, "longer than 1024 bytes"),
        (b"0.2", {}, "closed before its line was complete"),
        (b"<html>\n", {}, "answered what is no number: <html>"),
        (b"1\n", {"address": "nowhere"}, "provider.line.address must be host:port"),
        (b"1\n", {"key": "a\nb"}, "provider.line.key must not hold a line break"),
        (b"1\n", {"operator": ProviderSettings()}, "a loopback address"),
        (b"1\n", {"address": "169.254.169.254:80"}, "a metadata address"),
    ],
)
def test_what_cannot_be_measured_is_told(answer, more, message):
    assert message in failure(answer, **more)


def test_its_token_is_in_no_message():
    message = failure(
        f"denied: {TOKEN}\n".encode(), tokenFrom={"name": "line-server", "key": "token"}
    )

    assert message.endswith("answered what is no number: denied: ***")


# -- in the controller -------------------------------------------------------------------------


class Lines:
    """The server of the example in a thread of its own; tests set what it answers."""

    def __init__(self):
        self.answer, self.heard = b"0\n", []
        lines = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                lines.heard += [self.rfile.readline(), self.rfile.readline()]
                self.wfile.write(lines.answer)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.address = "{}:{}".format(*self._server.server_address)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def lines():
    server = Lines()
    yield server
    server.close()


@pytest.fixture(scope="module")
def live(installed, tmp_path_factory):
    cluster = Live(tmp_path_factory.mktemp("live"))
    yield cluster
    cluster.close()


def template(namespace, provider):
    metric = {
        "name": "errors",
        "interval": "100ms",
        "count": 3,
        "successCondition": "result < 0.01",
        "provider": provider,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "errors", "namespace": namespace},
        "spec": {"metrics": [metric]},
    }


STEPS = [{"setWeight": 20}, {"analysis": {"templates": [{"templateName": "errors"}]}}]


def deploy(cluster, namespace, provider):
    cluster.deploy(namespace, steps=STEPS)
    secret = {"metadata": {"name": "line-server", "namespace": namespace}}
    token = base64.b64encode(TOKEN.encode()).decode()
    cluster.create(SECRET, secret | {"data": {"token": token}})
    cluster.create(ANALYSIS_TEMPLATE, template(namespace, provider))


def asking(lines):
    token = {"name": "line-server", "key": "token"}
    return {"address": lines.address, "key": "shop.errors", "tokenFrom": token}


@pytest.mark.parametrize("way", ["by-its-name", "as-a-plugin"])
def test_it_decides_about_a_canary(live, lines, way):
    settings = {"line": asking(lines)}
    provider = {"plugin": settings} if way == "as-a-plugin" else settings
    deploy(live, way, provider)
    live.set_image(way, "shop:2")
    live.until(lambda: live.status(way).get("currentStepIndex") == 2)
    live.wait_for(way, "Healthy")
    lines.answer = b"0.5\n"
    live.set_image(way, "shop:3")
    status = live.wait_for(way, "Degraded")
    runs = {each["status"]["phase"]: each for each in live.items(ANALYSIS_RUN, way)}
    measured = runs["Successful"]["status"]["metricResults"][0]["measurements"]

    assert set(runs) == {"Successful", "Failed"}
    assert [each["value"] for each in measured] == ["0", "0", "0"]
    assert lines.heard[:2] == [f"AUTH {TOKEN}\n".encode(), b"GET shop.errors\n"]
    assert 'Metric "errors" assessed Failed due to failed (1)' in status["message"]
    assert status["abort"] is True


REFUSAL = (
    "is no provider that is installed; use one of prometheus, web and job, or install the Python "
    "package that announces 'line' in the entry point group rollouts.metric_providers"
)


@contextlib.contextmanager
def missing(folder):
    """Make Python see the package no more."""
    sys.path.remove(str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()


def test_where_it_is_not_installed_the_update_is_refused_before_it_begins(
    installed, lines, tmp_path
):
    with missing(installed):
        cluster = Live(tmp_path)
    try:
        deploy(cluster, "without", {"line": asking(lines)})
        cluster.set_image("without", "shop:2")
        message = cluster.until(lambda: cluster.status("without").get("message"))
        run = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisRun",
            "metadata": {"name": "alone", "namespace": "without"},
            "spec": template("without", {"line": asking(lines)})["spec"],
        }
        cluster.create(ANALYSIS_RUN, run)
        alone = cluster.until(
            lambda: cluster.get(ANALYSIS_RUN, "without", "alone").get("status", {}).get("message")
        )
        images = cluster.images("without")
    finally:
        cluster.close()

    assert "spec.metrics[0].provider.line: " in message
    assert REFUSAL in message
    assert "spec.metrics[0].provider.line: " in alone
    assert REFUSAL in alone
    assert (images, lines.heard) == ({"shop:1": 5}, [])


def test_a_run_is_made_by_hand_where_the_provider_is_installed_or_told_of(live, installed, lines):
    deploy(live, "by-hand", {"line": asking(lines)})
    made = ("create", "analysisrun", "--from", "errors", "-n", "by-hand", "--name")
    with_it = live.run(*made, "one")
    with missing(installed):
        without = live.run(*made, "two")
        told = live.run(*made, "three", "--provider", "line")
        shown = live.run("analysis", "get", "three", "-n", "by-hand")

    def phases():
        runs = live.items(ANALYSIS_RUN, "by-hand")
        found = {each["metadata"]["name"]: each.get("status", {}).get("phase") for each in runs}
        return found if set(found.values()) == {"Successful"} else None

    assert (with_it.code, told.code) == (0, 0), with_it.err + told.err
    assert without.code != 0
    assert REFUSAL in without.out + without.err
    assert "is no provider" not in shown.out
    assert set(live.until(phases)) == {"one", "three"}


def test_lint_knows_what_is_installed_and_what_it_is_told_of(installed, tmp_path):
    path = tmp_path / "template.yaml"
    manifest = template("shop", {"line": {"address": "a:1", "key": "k"}})
    path.write_text(dump_yaml(manifest))
    with_it = run_command("lint", str(path))
    with missing(installed):
        without = run_command("lint", str(path))
        told = run_command("lint", "--provider", "line", str(path))

    assert (with_it.code, told.code, without.code) == (0, 0, 1), with_it.out + told.out
    assert f"spec.metrics[0].provider.line: {REFUSAL}" in without.out
