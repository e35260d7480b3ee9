"""The kubectl lines of the README, word for word, against emulator and controller."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from programs import KUBECTL, needs_kubectl
from shell.live import Live

from rollouts.api.refs import POD, ROLLOUT

ROOT = Path(__file__).parents[2]
NUMBERS = itertools.count()

pytestmark = [pytest.mark.kubectl, needs_kubectl]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    made = Live(tmp_path_factory.mktemp("live"))
    yield made
    made.close()


class Terminal:
    """Somebody with a kubeconfig whose namespace holds the first example, mid-canary."""

    def __init__(self, live, directory):
        self.live = live
        self.namespace = f"readme-{next(NUMBERS)}"
        config = yaml.safe_load(Path(live.kubeconfig).read_text())
        config["contexts"][0]["context"]["namespace"] = self.namespace
        self.kubeconfig = directory / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(config))
        live.apply_folder(ROOT / "examples" / "01-first-canary", self.namespace)
        self.wait_for("Healthy")
        live.set_image(self.namespace, "myorg/myapp:1.1.0", "myapp")
        self.wait_for("Paused")

    def kubectl(self, line):
        """Run a line as a shell would."""
        return subprocess.run(
            [KUBECTL, *shlex.split(line)[1:]],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        ).stdout

    def status(self):
        return self.live.status(self.namespace, "myapp")

    def spec(self):
        return self.live.get(ROLLOUT, self.namespace, "myapp")["spec"]

    def wait_for(self, phase):
        return self.live.wait_for(self.namespace, phase, "myapp")

    def until(self, question):
        return self.live.until(question)


@pytest.fixture
def terminal(live, tmp_path):
    return Terminal(live, tmp_path)


def readme_line(words):
    """The line of the README that holds these words, without its comment."""
    lines = (ROOT / "README.md").read_text().splitlines()
    found = [line for line in lines if line.startswith("kubectl ") and words in line]
    assert len(found) == 1, f"the README has {len(found)} lines with {words}"
    return found[0].partition("#")[0].strip()


def test_promote_goes_past_the_pause(terminal):
    terminal.kubectl(readme_line("rollouts.dev/promote=true"))

    terminal.until(lambda: terminal.status().get("currentStepIndex") == 3)


def test_promote_full_goes_to_the_end(terminal):
    terminal.kubectl(readme_line("rollouts.dev/promote=full"))

    terminal.wait_for("Healthy")
    assert terminal.live.images(terminal.namespace)["myorg/myapp:1.1.0"] == 5


def test_abort_and_retry(terminal):
    terminal.kubectl(readme_line("rollouts.dev/abort="))
    assert terminal.wait_for("Degraded")["message"].endswith(": errors")

    terminal.kubectl(readme_line("rollouts.dev/retry="))
    assert terminal.wait_for("Paused")["currentStepIndex"] == 1


def test_rollback_puts_the_former_image_back(terminal):
    terminal.kubectl(readme_line("rollouts.dev/rollback="))

    terminal.wait_for("Healthy")
    container = terminal.spec()["template"]["spec"]["containers"][0]
    assert container["image"] == "myorg/myapp:1.0.0"


def test_pause_holds_and_false_resumes(terminal):
    line = readme_line("rollouts.dev/pause=")

    terminal.kubectl(line)
    terminal.until(lambda: terminal.spec().get("paused") is True)
    terminal.kubectl(line.replace("=true", '="false"'))
    terminal.until(lambda: terminal.spec().get("paused") is False)


def test_restart_replaces_the_pods(terminal):
    pods = terminal.live.items(POD, terminal.namespace)
    made = max(each["metadata"]["creationTimestamp"] for each in pods)
    before = {each["metadata"]["name"] for each in pods}
    terminal.kubectl(readme_line("rollouts.dev/restart="))

    def is_restarted():
        return terminal.status().get("restartedAt", "") >= made

    terminal.until(is_restarted)
    after = terminal.live.items(POD, terminal.namespace)
    at = terminal.spec()["restartAt"]
    left = [each for each in after if each["metadata"]["name"] in before]
    assert [each for each in left if each["metadata"]["creationTimestamp"] < at] == []


def test_a_refused_request_is_removed_and_an_event_says_why(terminal):
    terminal.kubectl("kubectl annotate rollout myapp rollouts.dev/retry=true")

    def event():
        return "RequestRefused" in terminal.kubectl("kubectl get events")

    terminal.until(event)
    described = terminal.kubectl("kubectl describe rollout myapp")
    assert "the rollout is not aborted" in described
    assert "rollouts.dev/retry" not in described.partition("Events:")[0]


def test_a_rollout_is_listed_with_its_columns(terminal):
    heading, row = terminal.kubectl("kubectl get rollouts").splitlines()

    assert heading.split()[0] == "NAME"
    assert row.split()[0] == "myapp"
    assert "Paused" in row


@pytest.mark.parametrize("command", ["kubectl wait --for=condition=Paused rollout/myapp"])
def test_other_programs_can_wait_for_a_condition(terminal, command):
    assert "condition met" in terminal.kubectl(f"{command} --timeout=10s")


def test_scale_changes_the_replicas(terminal):
    terminal.kubectl("kubectl scale rollout myapp --replicas=7")

    assert terminal.spec()["replicas"] == 7
    assert terminal.kubectl("kubectl get rollout myapp -o jsonpath={.spec.replicas}") == "7"
