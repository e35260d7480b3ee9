"""Rules of what makes pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import Cause, forbidden_field, invalid, required, unsupported
from rollouts.emulator.patches import equal
from rollouts.emulator.rules.common import (
    amount,
    count_or_percent,
    immutable,
    is_unchanged,
    label_selector,
    not_negative,
)
from rollouts.emulator.rules.pods import pod_template
from rollouts.emulator.selectors import read_label_selector

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest

_STATEFUL_CHANGES = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' "
    "and 'minReadySeconds' are forbidden"
)
_STATEFUL_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_CRON_NAME_MAX = 52  # A Job's name is the CronJob's and eleven characters, within 63.


def check_deployment(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a Deployment."""
    if is_unchanged(manifest, old):
        return []
    spec, known = manifest["spec"], None if old is None else old["spec"]
    causes = _pods_of("spec", spec, known)
    causes += _strategy("spec.strategy", spec.get("strategy") or {})
    causes += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    causes += not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    causes += not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        path = "spec.progressDeadlineSeconds"
        causes.append(invalid(path, deadline, "must be greater than minReadySeconds"))
    if known is not None:
        causes += immutable("spec.selector", spec.get("selector"), known.get("selector"))
    return causes


def check_replica_set(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a ReplicaSet."""
    if is_unchanged(manifest, old):
        return []
    spec, known = manifest["spec"], None if old is None else old["spec"]
    causes = _pods_of("spec", spec, known)
    causes += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    if known is not None:
        causes += immutable("spec.selector", spec.get("selector"), known.get("selector"))
    return causes


def check_replica_status(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return what is wrong with the counts in the status of a set of replicas."""
    if is_unchanged(manifest, old, "status"):
        return []
    status = manifest.get("status") or {}
    counts = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    causes: list[Cause] = []
    for name in (*counts, "observedGeneration"):
        causes += not_negative(f"status.{name}", status.get(name))
    total, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    for name in counts[1:]:
        if status.get(name, 0) > total:
            detail = "cannot be greater than status.replicas"
            causes.append(invalid(f"status.{name}", status.get(name, 0), detail))
    if status.get("availableReplicas", 0) > ready:
        detail = "cannot be greater than readyReplicas"
        causes.append(invalid("status.availableReplicas", status["availableReplicas"], detail))
    return causes


def _pods_of(path: str, spec: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    """Check replicas, selector and template, which must fit each other."""
    causes = not_negative(f"{path}.replicas", spec.get("replicas"))
    selector, template = spec.get("selector"), spec.get("template") or {}
    if old is not None and selector is old.get("selector") and template is old.get("template"):
        return causes
    if selector is None:
        causes.append(required(f"{path}.selector"))
        causes.append(_stray(path, template))
    else:
        causes += label_selector(f"{path}.selector", selector)
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            detail = "empty selector is invalid for deployment"
            causes.append(invalid(f"{path}.selector", selector, detail))
        else:
            causes += _mismatch(path, selector, template)
    known = (old or {}).get("template")
    causes += pod_template(f"{path}.template", template, known)
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy != "Always":
        where = f"{path}.template.spec.restartPolicy"
        causes.append(unsupported(where, policy, ["Always"]))
    return causes


def _mismatch(path: str, selector: dict[str, Any], template: dict[str, Any]) -> list[Cause]:
    read = read_label_selector(selector)
    if read is None or read.matches((template.get("metadata") or {}).get("labels")):
        return []
    return [_stray(path, template)]


def _stray(path: str, template: dict[str, Any]) -> Cause:
    labels = (template.get("metadata") or {}).get("labels")
    detail = "`selector` does not match template `labels`"
    return invalid(f"{path}.template.metadata.labels", labels, detail)


def _strategy(path: str, strategy: dict[str, Any]) -> list[Cause]:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate") or {}
    if kind == "Recreate":
        if strategy.get("rollingUpdate") is None:
            return []
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden_field(f"{path}.rollingUpdate", detail)]
    if kind != "RollingUpdate":
        return [unsupported(path, strategy, ["Recreate", "RollingUpdate"])]
    here = f"{path}.rollingUpdate"
    missing, surge = rolling["maxUnavailable"], rolling["maxSurge"]
    causes = count_or_percent(f"{here}.maxUnavailable", missing)
    causes += count_or_percent(f"{here}.maxSurge", surge)
    if amount(missing) == 0 and amount(surge) == 0:
        detail = "may not be 0 when `maxSurge` is 0"
        causes.append(invalid(f"{here}.maxUnavailable", missing, detail))
    if isinstance(missing, str) and amount(missing) > 100:
        detail = "must not be greater than 100%"
        causes.append(invalid(f"{here}.maxUnavailable", missing, detail))
    return causes


def check_stateful_set(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a StatefulSet."""
    if is_unchanged(manifest, old):
        return []
    spec, known = manifest["spec"], None if old is None else old["spec"]
    causes = _pods_of("spec", spec, known)
    if known is not None:
        fixed = {key: value for key, value in spec.items() if key not in _STATEFUL_CHANGEABLE}
        before = {key: value for key, value in known.items() if key not in _STATEFUL_CHANGEABLE}
        if not equal(fixed, before):
            causes.append(forbidden_field("spec", _STATEFUL_CHANGES))
    return causes


def check_daemon_set(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a DaemonSet."""
    if is_unchanged(manifest, old):
        return []
    spec, known = manifest["spec"], None if old is None else old["spec"]
    causes = _pods_of("spec", spec, known)
    if known is not None:
        causes += immutable("spec.selector", spec.get("selector"), known.get("selector"))
    return causes


def check_job(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a Job."""
    if is_unchanged(manifest, old):
        return []
    spec, known = manifest["spec"], None if old is None else old["spec"]
    causes = _job_spec("spec", spec, known)
    if known is not None:
        for key in ("completions", "selector", "completionMode", "podFailurePolicy"):
            causes += immutable(f"spec.{key}", spec.get(key), known.get(key))
        causes += _job_template(spec, old or {})
    elif spec.get("selector") is None:
        causes.append(required("spec.selector"))
    return causes


_DIRECTIVES = ("nodeSelector", "tolerations", "affinity", "schedulingGates")


def _job_template(spec: dict[str, Any], old: Manifest) -> list[Cause]:
    """Check that a Job's pods stay as they are, but for where they go before the first start."""
    known, status = old["spec"], old.get("status") or {}
    template, before = spec["template"], known["template"]
    if not known.get("suspend") or "startTime" in status:
        return immutable("spec.template", template, before)
    fixed, was = (
        {key: value for key, value in each["spec"].items() if key not in _DIRECTIVES}
        for each in (template, before)
    )
    return immutable("spec.template.spec", fixed, was)


def _job_spec(path: str, spec: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    causes: list[Cause] = []
    for key in (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ):
        causes += not_negative(f"{path}.{key}", spec.get(key))
    template = spec.get("template") or {}
    causes += pod_template(f"{path}.template", template, (old or {}).get("template"))
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        where = f"{path}.template.spec.restartPolicy"
        causes.append(
            unsupported(where, policy, ["OnFailure", "Never"])
            if policy != "Always"
            else required(where, 'valid values: "OnFailure", "Never"')
        )
    return causes


def check_cron_job(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a CronJob."""
    causes: list[Cause] = []
    name = manifest["metadata"]["name"]
    if old is None and len(name) > _CRON_NAME_MAX:
        detail = f"must be no more than {_CRON_NAME_MAX} characters"
        causes.append(invalid("metadata.name", name, detail))
    if is_unchanged(manifest, old):
        return causes
    spec = manifest["spec"]
    if not spec.get("schedule"):
        causes.append(required("spec.schedule"))
    inner = (spec.get("jobTemplate") or {}).get("spec") or {}
    return causes + _job_spec("spec.jobTemplate.spec", inner, None)
