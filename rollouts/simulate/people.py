"""People at a terminal: our annotations, the peer plugin's patches, edits of the spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rollouts.api.refs import INGRESS, REPLICA_SET, ROLLOUT, SERVICE, Kind, Manifest
from rollouts.emulator.errors import ApiError
from rollouts.kube.cluster import PatchType
from rollouts.simulate.analysts import Analysts
from rollouts.simulate.cluster import NAMESPACE, SimCluster
from rollouts.simulate.ledger import PREFIX
from rollouts.simulate.scenario import NAME, Scenario, template

PERSON = "person"
ANNOTATED: Mapping[str, tuple[str, str]] = {
    "promote": ("promote", "true"),
    "promote-full": ("promote", "full"),
    "abort": ("abort", "true"),
    "retry": ("retry", "true"),
    "rollback": ("rollback", "previous"),
    "pause": ("pause", "true"),
    "resume": ("pause", "false"),
}
"""What people ask for by an annotation under rollouts.dev, and the value they write."""


class People:
    """Does what a scenario's acts say, on the objects as they are at that moment."""

    def __init__(self, cluster: SimCluster, scenario: Scenario) -> None:
        self._cluster = cluster
        self._scenario = scenario
        self._image = ""
        self._deeds: Mapping[str, Callable[[Any], None]] = {
            "set-image": self._set_image,
            "set-steps": self._set_steps,
            "scale": lambda value: self.edit({"spec": {"replicas": int(value)}}),
            "plugin-promote": lambda _: self._plugin_promote(),
            "plugin-promote-full": lambda _: self._plugin_promote_full(),
            "plugin-skip": lambda _: self._plugin_skip(),
            "plugin-abort": lambda _: self._patch_status({"abort": True}),
            "plugin-retry": lambda _: self._patch_status({"abort": False}),
            "plugin-pause": lambda _: self.edit({"spec": {"paused": True}}),
            "plugin-resume": lambda _: self.edit({"spec": {"paused": False}}),
            "delete": lambda _: self._delete(),
            "create": lambda _: self.create_rollout(self._image),
            **Analysts(cluster, NAME).deeds,
        }

    @property
    def deeds(self) -> tuple[str, ...]:
        """Return everything that people can do."""
        return (*ANNOTATED, *self._deeds)

    def act(self, do: str, value: Any = None) -> str:
        """Do one thing; say what became of it."""
        try:
            if do in ANNOTATED:
                verb, text = ANNOTATED[do]
                self.annotate(verb, text if value is None else str(value))
            else:
                self._deeds[do](value)
        except ApiError as error:
            return f"{do}: {error.reason}"
        return do if value is None else f"{do} {value}"

    def create_surroundings(self) -> None:
        """Create what the Rollout needs and does not own."""
        for kind, manifest in self._scenario.surroundings():
            self._create(kind, manifest)
        for name in self._scenario.templates:
            self.act("create-template", name)

    def create_rollout(self, image: str) -> None:
        """Create the Rollout."""
        self._image = image
        self._create(ROLLOUT, self._scenario.rollout(image))

    def annotate(self, verb: str, value: str) -> None:
        """Ask for something by an annotation."""
        self.edit({"metadata": {"annotations": {PREFIX + verb: value}}})

    def edit(self, body: Manifest, kind: Kind = ROLLOUT, name: str = NAME) -> None:
        """Merge a body into an object."""
        self._cluster.server.patch(
            self._cluster.type_of(kind),
            NAMESPACE,
            name,
            body,
            str(PatchType.MERGE),
            field_manager=PERSON,
        )

    def remove(self, kind: Kind, name: str) -> None:
        """Delete an object."""
        self._cluster.server.delete(self._cluster.type_of(kind), NAMESPACE, name)

    def tamper_weight(self, name: str, key: str, weight: int) -> None:
        """Write another weight into the canary Ingress."""
        self.edit({"metadata": {"annotations": {key: str(weight)}}}, INGRESS, name)

    def tamper_selector(self, name: str, selector: Manifest) -> None:
        """Write another selector into a Service."""
        self.edit({"spec": {"selector": selector}}, SERVICE, name)

    def scale_set(self, name: str, replicas: int) -> None:
        """Scale a ReplicaSet by hand."""
        self.edit({"spec": {"replicas": replicas}}, REPLICA_SET, name)

    def _create(self, kind: Kind, manifest: Manifest) -> None:
        self._cluster.server.create(
            self._cluster.type_of(kind), NAMESPACE, manifest, field_manager=PERSON
        )

    def _set_image(self, value: Any) -> None:
        self._image = str(value)
        self.edit({"spec": {"template": {"spec": template(self._image)["spec"]}}})

    def _set_steps(self, value: Any) -> None:
        self.edit({"spec": {"strategy": {"canary": {"steps": list(value)}}}})

    def _delete(self) -> None:
        self.remove(ROLLOUT, NAME)

    def _live(self) -> Manifest:
        return self._cluster.server.get(self._cluster.type_of(ROLLOUT), NAMESPACE, NAME)

    def _patch_status(self, status: Manifest) -> None:
        self._cluster.server.patch(
            self._cluster.type_of(ROLLOUT),
            NAMESPACE,
            NAME,
            {"status": status},
            str(PatchType.MERGE),
            subresource="status",
            field_manager=PERSON,
        )

    def _plugin_promote(self) -> None:
        live = self._live()
        status = live.get("status") or {}
        if live["spec"].get("paused"):
            self.edit({"spec": {"paused": False}})
        run = (status.get("canary") or {}).get("currentStepAnalysisRunStatus") or {}
        if run.get("status") == "Inconclusive" and status.get("controllerPause"):
            # The newer plugin's way past a step whose analysis says nothing.
            after = int(status.get("currentStepIndex") or 0) + 1
            ended: Manifest = {"pauseConditions": None, "controllerPause": False}
            self._patch_status({**ended, "currentStepIndex": after})
        elif status.get("pauseConditions"):
            self._patch_status({"pauseConditions": None})
        else:
            self._plugin_skip()

    def _plugin_skip(self) -> None:
        live = self._live()
        index = (live.get("status") or {}).get("currentStepIndex")
        count = len(live["spec"]["strategy"]["canary"].get("steps") or ())
        if index is not None and index < count:
            self._patch_status({"pauseConditions": None, "currentStepIndex": index + 1})

    def _plugin_promote_full(self) -> None:
        live = self._live()
        status = live.get("status") or {}
        if live["spec"].get("paused"):
            self.edit({"spec": {"paused": False}})
        if status.get("currentPodHash") != status.get("stableRS"):
            self._patch_status({"promoteFull": True})
