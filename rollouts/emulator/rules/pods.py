"""Rules of pods and of the templates pods are made from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rollouts.emulator.errors import (
    Cause,
    field_not_found,
    forbidden_field,
    invalid,
    required,
    unsupported,
)
from rollouts.emulator.metadata import label_causes
from rollouts.emulator.names import label_problems, subdomain_problems
from rollouts.emulator.patches import equal
from rollouts.emulator.quantities import quantity_value
from rollouts.emulator.rules.common import (
    is_unchanged,
    not_negative,
    port_name,
    port_number,
    port_number_or_name,
    unique_names,
)

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_PROBE_NUMBERS = (
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
)
_CHANGEABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_pod(manifest: Manifest, old: Manifest | None) -> list[Cause]:
    """Return everything wrong with a pod."""
    if is_unchanged(manifest, old):
        return []
    causes = pod_spec("spec", manifest["spec"], None if old is None else old["spec"])
    return causes if old is None else causes + _check_change(manifest["spec"], old["spec"])


def _check_change(new: dict[str, Any], old: dict[str, Any]) -> list[Cause]:
    causes = []
    fixed = dict(new)
    for kind in ("containers", "initContainers"):
        mine, theirs = new.get(kind) or [], old.get(kind) or []
        if len(mine) != len(theirs):
            causes.append(
                forbidden_field(f"spec.{kind}", "pod updates may not add or remove containers")
            )
            return causes
        if mine:
            fixed[kind] = [
                {**each, "image": known.get("image")}
                for each, known in zip(mine, theirs, strict=True)
            ]
    tolerations = new.get("tolerations") or []
    if any(each not in tolerations for each in old.get("tolerations") or []):
        causes.append(
            forbidden_field(
                "spec.tolerations",
                "existing toleration can not be modified except its tolerationSeconds",
            )
        )
    for key in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        fixed.pop(key, None)
        if key in old:
            fixed[key] = old[key]
    if "nodeName" not in old:
        # Differs from the real server: a scheduler may bind by a patch, there being no binding.
        fixed.pop("nodeName", None)
    if not equal(fixed, old):
        causes.append(forbidden_field("spec", _CHANGEABLE))
    return causes


def pod_template(path: str, template: dict[str, Any], old: Any) -> list[Cause]:
    """Return everything wrong with a pod template."""
    if template is old:
        return []
    metadata = template.get("metadata") or {}
    causes = label_causes(metadata.get("labels") or {}, f"{path}.labels")
    known = old.get("spec") if isinstance(old, dict) else None
    return causes + pod_spec(f"{path}.spec", template.get("spec") or {}, known)


def pod_spec(path: str, spec: dict[str, Any], old: Any) -> list[Cause]:
    """Return everything wrong with the spec of a pod."""
    if spec is old:
        return []
    volumes = spec.get("volumes") or []
    causes = unique_names(f"{path}.volumes", volumes)
    for position, volume in enumerate(volumes):
        causes += _name(f"{path}.volumes[{position}].name", volume.get("name") or "")
    names = [volume.get("name") for volume in volumes]
    containers = spec.get("containers") or []
    if not containers:
        causes.append(required(f"{path}.containers"))
    for kind in ("containers", "initContainers"):
        listed = spec.get(kind) or []
        for position, each in enumerate(listed):
            causes += _container(f"{path}.{kind}[{position}]", each, names)
        causes += unique_names(f"{path}.{kind}", listed)
    causes += _choice(f"{path}.restartPolicy", spec.get("restartPolicy"), _RESTART_POLICIES)
    causes += _choice(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    grace = spec.get("terminationGracePeriodSeconds")
    causes += not_negative(f"{path}.terminationGracePeriodSeconds", grace)
    account = spec.get("serviceAccountName")
    if account:
        where = f"{path}.serviceAccountName"
        causes += [invalid(where, account, each) for each in subdomain_problems(account)]
    return causes


def _name(path: str, name: str) -> list[Cause]:
    if not name:
        return [required(path)]
    return [invalid(path, name, problem) for problem in label_problems(name)]


def _choice(path: str, value: Any, allowed: tuple[str, ...]) -> list[Cause]:
    if value in allowed:
        return []
    return [unsupported(path, value, allowed) if value else required(path)]


def _container(path: str, container: dict[str, Any], volumes: list[Any]) -> list[Cause]:
    causes = _name(f"{path}.name", container.get("name") or "")
    image = container.get("image") or ""
    if not image:
        causes.append(required(f"{path}.image"))
    elif image != image.strip():
        detail = "must not have leading or trailing whitespace"
        causes.append(invalid(f"{path}.image", image, detail))
    causes += _ports(f"{path}.ports", container.get("ports") or [])
    for position, variable in enumerate(container.get("env") or ()):
        causes += _variable(f"{path}.env[{position}]", variable)
    causes += _mounts(f"{path}.volumeMounts", container.get("volumeMounts") or [], volumes)
    causes += _choice(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    causes += _resources(f"{path}.resources", container.get("resources") or {})
    for name in _PROBES:
        if container.get(name) is not None:
            causes += _probe(f"{path}.{name}", container[name])
    return causes


def _ports(path: str, ports: list[dict[str, Any]]) -> list[Cause]:
    causes = []
    for position, port in enumerate(ports):
        here = f"{path}[{position}]"
        if port.get("name"):
            causes += port_name(f"{here}.name", port["name"])
        number = port.get("containerPort")
        if number:
            causes += port_number(f"{here}.containerPort", number)
        else:
            causes.append(required(f"{here}.containerPort"))
        causes += _choice(f"{here}.protocol", port.get("protocol"), _PROTOCOLS)
    return causes + unique_names(path, ports)


def _variable(path: str, variable: dict[str, Any]) -> list[Cause]:
    name = variable.get("name") or ""
    if not name:
        return [required(f"{path}.name")]
    causes = []
    if not re.fullmatch(r"[ -<>-~]+", name):
        detail = (
            "a valid environment variable name must consist only of printable ASCII characters "
            "other than '='"
        )
        causes.append(invalid(f"{path}.name", name, detail))
    source = variable.get("valueFrom")
    if source is not None:
        if len(source) == 0:
            detail = (
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` "
                "or `secretKeyRef`"
            )
            causes.append(invalid(f"{path}.valueFrom", "", detail))
        elif variable.get("value"):
            detail = "may not be specified when `value` is not empty"
            causes.append(invalid(f"{path}.valueFrom", "", detail))
        elif len(source) > 1:
            detail = "may not have more than one field specified at a time"
            causes.append(invalid(f"{path}.valueFrom", "", detail))
    return causes


def _mounts(path: str, mounts: list[dict[str, Any]], volumes: list[Any]) -> list[Cause]:
    causes = []
    seen: dict[str, None] = {}
    for position, mount in enumerate(mounts):
        here = f"{path}[{position}]"
        name, where = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            causes.append(required(f"{here}.name"))
        if name not in volumes:
            causes.append(field_not_found(f"{here}.name", name))
        if not where:
            causes.append(required(f"{here}.mountPath"))
        if where in seen:
            causes.append(invalid(f"{here}.mountPath", where, "must be unique"))
        seen[where] = None
    return causes


def _resources(path: str, resources: dict[str, Any]) -> list[Cause]:
    causes = []
    limits = resources.get("limits") or {}
    for kind in ("limits", "requests"):
        for name, quantity in sorted((resources.get(kind) or {}).items()):
            if quantity_value(quantity) < 0:
                detail = "must be greater than or equal to 0"
                causes.append(invalid(f"{path}.{kind}[{name}]", quantity, detail))
    for name, quantity in sorted((resources.get("requests") or {}).items()):
        limit = limits.get(name)
        if limit is not None and quantity_value(quantity) > quantity_value(limit):
            detail = f"must be less than or equal to {name} limit of {limit}"
            causes.append(invalid(f"{path}.requests", quantity, detail))
    return causes


def _probe(path: str, probe: dict[str, Any]) -> list[Cause]:
    given = [name for name in _HANDLERS if probe.get(name) is not None]
    causes = [] if given else [required(path, "must specify a handler type")]
    causes += [
        forbidden_field(f"{path}.{name}", "may not specify more than 1 handler type")
        for name in given[1:]
    ]
    if given[:1] in (["httpGet"], ["tcpSocket"]):
        causes += port_number_or_name(f"{path}.{given[0]}.port", probe[given[0]].get("port", 0))
    for name in _PROBE_NUMBERS:
        causes += not_negative(f"{path}.{name}", probe.get(name))
    if path.endswith(("livenessProbe", "startupProbe")) and probe.get("successThreshold") != 1:
        causes.append(
            invalid(f"{path}.successThreshold", probe.get("successThreshold"), "must be 1")
        )
    return causes
