"""What the controller knows of the cluster without asking: slim copies of watched objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.checks import check_rollout
from rollouts.api.pod_template import pod_template_hash, steps_hash, template_digest
from rollouts.api.problems import Problem
from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    INGRESS,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Kind,
    Manifest,
)
from rollouts.api.times import parse_time
from rollouts.controller.analysis_views import AnalysisViews, has_analysis
from rollouts.core.facts import (
    DESIRED_REPLICAS,
    HASH_LABEL,
    MANAGED_BY,
    REVISION,
    REVISION_HISTORY,
    SCALE_DOWN_DEADLINE,
    ReplicaSetFacts,
    RolloutFacts,
    ServiceFacts,
)
from rollouts.core.memory import recall
from rollouts.core.spec import Spec, compile_spec
from rollouts.kube.store import Change, Store

if TYPE_CHECKING:
    from rollouts.api.condition_check import ConditionCheck

Key: TypeAlias = tuple[str, str, str]
"""What a queue works on: kind, namespace and name."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What follows from one generation of a Rollout's spec alone."""

    generation: int
    collision_count: int | None
    spec: Spec | None
    problems: tuple[Problem, ...]
    pod_hash: str
    template_digest: str
    step_hash: str


class Views:
    """The stores that a reconcile reads, and which Rollouts a change concerns.

    Everything is rebuilt from lists and watches; a new `Views` is a restart with empty memory.
    `held` remembers since when a write of mere counters has been put off, by Rollout. `unseen`
    tells of Services and Ingresses whether the right to read them is missing.
    """

    def __init__(
        self,
        check_condition: ConditionCheck | None = None,
        providers: Callable[[], tuple[str, ...]] = lambda: EXECUTED_PROVIDERS,
    ) -> None:
        """Know nothing yet.

        Args:
            providers: returns the names of the metric providers that can be asked.
        """
        self.analysis = AnalysisViews(check_condition, providers)
        self._compiled: dict[str, _Compiled] = {}
        self._digests: dict[str, tuple[int, str]] = {}
        self.rollouts: Store[RolloutFacts] = Store(self._slim_rollout, _rollout_words)
        self.replica_sets: Store[ReplicaSetFacts] = Store(
            self._slim_replica_set, lambda each: (each.owner_uid,)
        )
        self.services: Store[ServiceFacts] = Store(slim_service)
        self.ingresses: Store[Manifest] = Store(slim_ingress)
        self.held: dict[Key, datetime] = {}
        self.unseen: dict[str, bool] = {}

    def store(self, kind: Kind) -> Store[Any]:
        """Return the store of one of the kinds that are watched."""
        stores: dict[str, Store[Any]] = {
            ROLLOUT.kind: self.rollouts,
            REPLICA_SET.kind: self.replica_sets,
            SERVICE.kind: self.services,
            INGRESS.kind: self.ingresses,
            ANALYSIS_RUN.kind: self.analysis.runs,
            ANALYSIS_TEMPLATE.kind: self.analysis.templates,
            CLUSTER_ANALYSIS_TEMPLATE.kind: self.analysis.cluster_templates,
        }
        return stores[kind.kind]

    def feed(self, kind: Kind, event_type: str, manifest: Manifest) -> tuple[Key, ...]:
        """Take a watch event and return the Rollouts it concerns."""
        change = self.store(kind).observe(event_type, manifest)
        return () if change is None else self.keys_for(kind, change)

    def wrote(self, kind: Kind, manifest: Manifest) -> None:
        """Take the answer to our own write or read."""
        change = self.store(kind).wrote(manifest)
        if change is not None:
            self._tidy(kind, change)

    def relist(self, kind: Kind, manifests: Iterable[Manifest]) -> tuple[Key, ...]:
        """Take a complete list and return the Rollouts whose surroundings it changed."""
        keys: dict[Key, None] = {}
        for change in self.store(kind).replace(manifests):
            keys.update(dict.fromkeys(self.keys_for(kind, change)))
        return tuple(keys)

    def keys_for(self, kind: Kind, change: Change[Any]) -> tuple[Key, ...]:
        """Return the Rollouts that a change concerns."""
        self._tidy(kind, change)
        if kind.kind == ROLLOUT.kind:
            return ((ROLLOUT.kind, change.namespace, change.name),)
        if kind.kind in {REPLICA_SET.kind, ANALYSIS_RUN.kind}:
            sides = [side for side in (change.old, change.new) if side is not None]
            words = [f"uid/{side.owner_uid}" for side in sides]
        elif kind.kind in {ANALYSIS_TEMPLATE.kind, CLUSTER_ANALYSIS_TEMPLATE.kind}:
            word = f"{ANALYSIS_WORD}/{change.namespace}"
            words = [word if kind.namespaced else ANALYSIS_WORD]
        else:
            words = [f"{kind.kind}/{change.namespace}/{change.name}"]
        keys: dict[Key, None] = {}
        for word in words:
            for rollout in self.rollouts.indexed(word):
                keys[(ROLLOUT.kind, rollout.namespace, rollout.name)] = None
        return tuple(keys)

    def measuring(self) -> Iterator[Key]:
        """Yield the Rollouts that analysis is about."""
        for rollout in self.rollouts.indexed(ANALYSIS_WORD):
            yield (ROLLOUT.kind, rollout.namespace, rollout.name)

    def _tidy(self, kind: Kind, change: Change[Any]) -> None:
        """Drop what was derived from an object that is gone or was replaced."""
        old, new = change.old, change.new
        if old is None or (new is not None and new.uid == old.uid if _has_uid(kind) else True):
            return
        if kind.kind == ROLLOUT.kind:
            self._compiled.pop(old.uid, None)
            self.analysis.forget(old.uid)
            self.held.pop((ROLLOUT.kind, change.namespace, change.name), None)
        else:
            self._digests.pop(old.uid, None)

    def _slim_rollout(self, manifest: Manifest) -> RolloutFacts:
        metadata = manifest["metadata"]
        annotations = metadata.get("annotations") or {}
        status = recall(manifest.get("status") or {}, annotations)
        compiled = self._compile(manifest, status.get("collisionCount"))
        return RolloutFacts(
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=metadata.get("uid", ""),
            generation=int(metadata.get("generation") or 0),
            resource_version=str(metadata.get("resourceVersion", "")),
            annotations=annotations,
            status=status,
            spec=compiled.spec,
            problems=compiled.problems,
            pod_hash=compiled.pod_hash,
            template_digest=compiled.template_digest,
            step_hash=compiled.step_hash,
            created_at=_time(metadata.get("creationTimestamp")) or EPOCH,
            is_deleted=bool(metadata.get("deletionTimestamp")),
            source=manifest if compiled.spec and has_analysis(compiled.spec) else None,
        )

    def _compile(self, manifest: Manifest, collision_count: int | None) -> _Compiled:
        """Validate and compile a spec, once for each generation."""
        metadata = manifest["metadata"]
        uid, generation = metadata.get("uid", ""), int(metadata.get("generation") or 0)
        known = self._compiled.get(uid)
        if known and (known.generation, known.collision_count) == (generation, collision_count):
            return known
        problems = check_rollout(manifest)
        if problems:
            compiled = _Compiled(generation, collision_count, None, problems, "", "", "")
        else:
            spec = compile_spec(manifest)
            compiled = _Compiled(
                generation,
                collision_count,
                spec,
                (),
                pod_template_hash(spec.template, collision_count),
                template_digest(spec.template),
                steps_hash(manifest["spec"]["strategy"]["canary"].get("steps") or []),
            )
        self._compiled[uid] = compiled
        return compiled

    def _slim_replica_set(self, manifest: Manifest) -> ReplicaSetFacts:
        metadata, spec = manifest["metadata"], manifest.get("spec") or {}
        status, annotations = manifest.get("status") or {}, metadata.get("annotations") or {}
        uid, generation = metadata.get("uid", ""), int(metadata.get("generation") or 0)
        known = self._digests.get(uid)
        if known is None or known[0] != generation:
            known = (generation, template_digest(spec.get("template") or {}))
            self._digests[uid] = known
        owner: Manifest = next(
            (each for each in metadata.get("ownerReferences") or () if each.get("controller")), {}
        )
        deadline = annotations.get(SCALE_DOWN_DEADLINE)
        return ReplicaSetFacts(
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=uid,
            owner_uid=owner.get("uid", ""),
            pod_hash=(metadata.get("labels") or {}).get(HASH_LABEL, ""),
            template_digest=known[1],
            revision=_number(annotations.get(REVISION)) or 0,
            revision_history=annotations.get(REVISION_HISTORY, ""),
            created_at=_time(metadata.get("creationTimestamp")) or EPOCH,
            min_ready_seconds=int(spec.get("minReadySeconds") or 0),
            desired=_number(annotations.get(DESIRED_REPLICAS)),
            replicas=1 if spec.get("replicas") is None else int(spec["replicas"]),
            current=int(status.get("replicas") or 0),
            ready=int(status.get("readyReplicas") or 0),
            available=int(status.get("availableReplicas") or 0),
            scale_down_deadline=_time(deadline),
            is_deleted=bool(metadata.get("deletionTimestamp")),
        )


def slim_service(manifest: Manifest) -> ServiceFacts:
    """Reduce a Service to whom it selects and who manages it."""
    metadata = manifest["metadata"]
    return ServiceFacts(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        resource_version=str(metadata.get("resourceVersion", "")),
        selector=(manifest.get("spec") or {}).get("selector") or {},
        managed_by=(metadata.get("annotations") or {}).get(MANAGED_BY, ""),
    )


def slim_ingress(manifest: Manifest) -> Manifest:
    """Reduce an Ingress to what the router reads."""
    metadata = manifest["metadata"]
    kept = ("namespace", "name", "uid", "resourceVersion", "annotations", "ownerReferences")
    return {
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": manifest.get("spec") or {},
    }


def _rollout_words(rollout: RolloutFacts) -> tuple[str, ...]:
    """Return the words by which changes of other objects find a Rollout."""
    words = [f"uid/{rollout.uid}"]
    spec, namespace = rollout.spec, rollout.namespace
    if spec is None:
        return tuple(words)
    words.extend(
        f"{SERVICE.kind}/{namespace}/{name}"
        for name in (spec.stable_service, spec.canary_service)
        if name
    )
    for stable in spec.nginx.stable_ingresses if spec.nginx else ():
        words.append(f"{INGRESS.kind}/{namespace}/{stable}")
        words.append(f"{INGRESS.kind}/{namespace}/{rollout.name}-{stable}-canary"[:NAME_END])
    if has_analysis(spec):
        words += [ANALYSIS_WORD, f"{ANALYSIS_WORD}/{namespace}"]
    return tuple(words)


ANALYSIS_WORD = "analysis"
"""Index word of all Rollouts that measure."""

NAME_END = 600
"""Bound of an index word: longer than any namespace and name together."""


def _has_uid(kind: Kind) -> bool:
    return kind.kind in {ROLLOUT.kind, REPLICA_SET.kind}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _time(text: str | None) -> datetime | None:
    """Return a time, None for one that nobody could have meant."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None
