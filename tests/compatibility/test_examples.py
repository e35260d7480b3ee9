"""The first examples as they are: from their files to a finished canary."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell.live import Live

from rollouts.api.refs import INGRESS, SERVICE
from rollouts.cli.demo_gate import EXAMPLE

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FIRST = ROOT / "examples" / "01-first-canary"
GATED = ROOT / "examples" / "02-metrics-decide"
WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
HASH = "rollouts-pod-template-hash"


@pytest.fixture
def live(tmp_path):
    made = Live(tmp_path)
    yield made
    made.close()


def test_the_first_example_is_deployed_and_takes_a_new_image(live):
    def run(*arguments):
        return live.run(*arguments, "-n", "production")

    def weight():
        ingress = live.get(INGRESS, "production", "myapp-myapp-ingress-canary")
        return ingress["metadata"]["annotations"][WEIGHT]

    live.apply_folder(FIRST, "production")
    assert run("status", "myapp").out.endswith("Healthy\n")

    live.set_image("production", "myorg/myapp:1.1.0", "myapp")
    for expected in ("10", "30", "50"):
        live.wait_for("production", "Paused", "myapp")
        live.until(lambda wanted=expected: weight() == wanted)
        assert run("promote", "myapp").code == 0
    assert run("status", "myapp", "--timeout", "20s").out.endswith("Healthy\n")

    stable = live.get(SERVICE, "production", "myapp-stable")["spec"]["selector"][HASH]
    assert weight() == "0"
    assert stable == live.status("production", "myapp")["stableRS"]
    assert live.images("production")["myorg/myapp:1.1.0"] == 5


def test_the_gate_in_the_readme_is_the_example_that_the_demo_runs():
    shown = README.read_text()
    template = (GATED / "analysis-template.yaml").read_text().partition("\n")[2]
    steps = "      steps:\n" + (GATED / "rollout.yaml").read_text().partition("      steps:\n")[2]

    assert EXAMPLE == GATED.name
    assert f"```yaml\n{template}```\n" in shown
    assert f"```yaml\n{steps}```\n" in shown
