"""A namespace of a true cluster with somebody in front of it who has kubectl and `rollouts`."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml
from e2e.history import NAMES, overloads, selectors, weights, without_falling

from rollouts.api.refs import INGRESS, POD, REPLICA_SET, ROLLOUT, SERVICE
from rollouts.cli.demo_repository import DemoRepository
from rollouts.controller.settings import INSTANCE_LABEL

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "01-first-canary"
COMMAND_SECONDS_MAX = 60
FIRST, SECOND, THIRD = (f"myorg/myapp:1.{minor}.0" for minor in range(3))
STEPS = [10, 30, 50, 100, 0]
"""The weights that a canary of the example takes on its way to the end."""


class Repository(DemoRepository):
    """The demo's repository, whose pods run where the cluster wants the tests' pods."""

    def __init__(self, folder, cluster):
        super().__init__(folder)
        self._cluster = cluster

    def write(self, path, text):
        super().write(path, self._cluster.placed(text))


class World:
    """One namespace, and what is seen of it.

    Attributes:
        name: of the namespace.
    """

    def __init__(
        self, name, *, cluster, recorder, folder, check=lambda: None, instance="", is_new=True
    ):
        """Make the namespace, unless the story does that itself."""
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.cluster = cluster
        self.recorder = recorder
        self.folder = folder
        self.check = check
        self.instance = instance
        document = json.loads(cluster.kubeconfig.read_text())
        document["contexts"][0]["context"]["namespace"] = name
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(document))
        cluster.owns("namespace", name)
        if is_new:
            self.kubectl(f"kubectl create namespace {name}")

    def repository(self):
        """Make a Git repository for what this namespace shall hold."""
        return Repository(self.folder, self.cluster)

    # -- what somebody does ----------------------------------------------------------------------

    def kubectl(self, line, *, stdin=None):
        """Run a line of kubectl as a shell would, with the cluster's stock kubectl."""
        words = [str(self.cluster.kubectl), *shlex.split(line)[1:]]
        return self._run(words, None if stdin is None else self.cluster.placed(stdin))

    def rollouts(self, line):
        """Run a line of `rollouts`."""
        return self._run([sys.executable, "-m", "rollouts", *shlex.split(line)[1:]], None)

    def annotate(self, verb, value="true"):
        """Ask the controller for something as the README says."""
        self.kubectl(f"kubectl annotate rollout myapp --overwrite rollouts.dev/{verb}='{value}'")

    def set_image(self, image):
        """Put a new image into the Rollout's template."""
        patch = [
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}
        ]
        self.kubectl(f"kubectl patch rollout myapp --type json -p '{json.dumps(patch)}'")

    def deploy(self, *, pause="{duration: 2s}", change=lambda _: None):
        """Apply the first example with other pauses and wait until it is healthy.

        Args:
            pause: what stands for its pauses of ten minutes; `{}` waits for a person.
            change: called with the Rollout's manifest, which it may change.
        """
        texts = {path.name: path.read_text() for path in sorted(EXAMPLE.glob("*.yaml"))}
        texts["rollout.yaml"] = self._rollout_text(texts["rollout.yaml"], pause, change)
        self.kubectl("kubectl apply -f -", stdin="\n---\n".join(texts.values()))
        self.wait_for("Healthy")

    # -- what is seen ----------------------------------------------------------------------------

    @property
    def rollout(self):
        """Return the Rollout; an empty one when there is none yet."""
        return self.recorder.get(ROLLOUT, self.name, "myapp") or {"metadata": {}, "spec": {}}

    @property
    def status(self):
        """Return the Rollout's status, empty while it is about an older spec."""
        status = self.rollout.get("status") or {}
        generation = self.rollout["metadata"].get("generation")
        return status if status.get("observedGeneration") == str(generation) else {}

    @property
    def weight(self):
        """Return the weight of the canary Ingress."""
        ingress = self.recorder.get(INGRESS, self.name, NAMES.canary_ingress)
        annotations = ingress["metadata"].get("annotations") or {} if ingress else {}
        return int(annotations.get("nginx.ingress.kubernetes.io/canary-weight", 0))

    def images(self):
        """Return how many of the Rollout's pods that are there to stay run which image."""
        counts = {}
        for pod in self.recorder.live(POD, self.name).values():
            labels = pod["metadata"].get("labels") or {}
            if labels.get("app") == "myapp" and not pod["metadata"].get("deletionTimestamp"):
                image = pod["spec"]["containers"][0]["image"]
                counts[image] = counts.get(image, 0) + 1
        return counts

    def hash_of(self, image):
        """Return the pod template hash of an image's revision; empty where there is none."""
        for each in self.recorder.live(REPLICA_SET, self.name).values():
            if each["spec"]["template"]["spec"]["containers"][0]["image"] == image:
                return each["metadata"]["labels"]["rollouts-pod-template-hash"]
        return ""

    def reasons(self):
        """Return the reasons of the Events about the Rollout."""
        selector = "--field-selector involvedObject.kind=Rollout"
        return set(
            self.kubectl(f"kubectl get events {selector} -o jsonpath={{.items[*].reason}}").split()
        )

    def until(self, question, *, what, at_most=60.0):
        """Wait until a question is answered with something true; return that."""

        def words():
            status, log = self.status, self.folder.name
            return (
                f"{what} in {self.name}: phase {status.get('phase')} ({status.get('message')}),"
                f" step {status.get('currentStepIndex')}, weights {self.weights()},"
                f" pods {self.images()} ({log})"
            )

        return self.recorder.until(question, what=words, at_most=at_most, check=self.check)

    def wait_for(self, phase, *, at_most=60.0):
        """Wait until the Rollout is in a phase; return its status."""
        return self.until(
            lambda: self.status.get("phase") == phase and self.status,
            what=f"phase {phase}",
            at_most=at_most,
        )

    def wait_for_weight(self, weight, *, at_most=60.0):
        """Wait until the canary has a weight, and its pause at it is recorded."""

        def is_there():
            return self.weight == weight and self.status.get("phase") == "Paused"

        self.until(is_there, what=f"a pause at weight {weight}", at_most=at_most)

    def wait_for_end(self, image, *, at_most=60.0):
        """Wait until one image is stable, healthy, and the only one that runs."""

        def is_there():
            status = self.status
            return (
                status.get("phase") == "Healthy"
                and status.get("stableRS") == status.get("currentPodHash") == self.hash_of(image)
                and self.weight == 0
                and self.images() == {image: self.rollout["spec"]["replicas"]}
            )

        self.until(is_there, what=f"the end with {image}", at_most=at_most)

    def history(self):
        """Return all that has happened here until now."""

        def is_complete():
            return all(
                self._seen(kind) >= self._live_versions(kind)
                for kind in (INGRESS, REPLICA_SET, ROLLOUT, SERVICE)
            )

        self.recorder.until(is_complete, what=f"all versions of {self.name}")
        return self.recorder.history(self.name)

    def weights(self):
        """Return the weights that the canary had, in order."""
        return weights(self.recorder.history(self.name))

    def check_traffic(self, expected, image, *, by_hand=0):
        """Check what happened to traffic: these weights in this order, to pods that could take it.

        Args:
            image: which one the stable Service selects in the end.
            by_hand: a weight that somebody set, who did not ask whether pods could take it. It is
                taken back as fast as stable's pods allow, by way of weights that only fall.
        """
        history = self.history()
        seen = without_falling(weights(history), by_hand)
        assert seen == expected, f"{self.name}: weights {seen}, not {expected}"
        too_much = [] if by_hand else overloads(history)
        assert not too_much, f"{self.name}: {too_much}"
        last = selectors(history, "myapp-stable")[-1]
        assert last == self.hash_of(image), f"{self.name}: stable selects {last}, not {image}"

    # -- below -----------------------------------------------------------------------------------

    def _rollout_text(self, text, pause, change):
        text = re.sub(r"pause: \{duration: 10m\}", f"pause: {pause}", text)
        manifest = yaml.safe_load(text)
        canary = manifest["spec"]["strategy"]["canary"]
        canary |= {"scaleDownDelaySeconds": 1, "abortScaleDownDelaySeconds": 1}
        if self.instance:
            manifest["metadata"]["labels"] = {INSTANCE_LABEL: self.instance}
        change(manifest)
        return yaml.safe_dump(manifest, sort_keys=False)

    def _seen(self, kind):
        found = self.recorder.live(kind, self.name).values()
        return max((int(each["metadata"]["resourceVersion"]) for each in found), default=0)

    def _live_versions(self, kind):
        root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
        path = f"{root}/namespaces/{self.name}/{kind.plural}"
        found = self.cluster.request("GET", path)["items"]
        return max((int(each["metadata"]["resourceVersion"]) for each in found), default=0)

    def _run(self, words, stdin):
        done = subprocess.run(
            words,
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout
