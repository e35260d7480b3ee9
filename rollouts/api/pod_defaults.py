"""What an API server fills into a pod template, taken out again so that templates compare."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from rollouts.api.pod_schema import Finish
from rollouts.api.quantity import BadQuantity, canonical_quantity, parse_quantity

# By struct: the values that mean the same as leaving the field out.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "AzureDiskVolumeSource": {
        "cachingMode": "ReadWrite",
        "fsType": "ext4",
        "readOnly": False,
        "kind": "Shared",
    },
    "ConfigMapVolumeSource": {"defaultMode": 0o644},
    "Container": {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    },
    "ContainerPort": {"protocol": "TCP"},
    "DownwardAPIVolumeSource": {"defaultMode": 0o644},
    "FileKeySelector": {"optional": False},
    "GRPCAction": {"service": ""},
    "HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    "HostPathVolumeSource": {"type": ""},
    "ISCSIVolumeSource": {"iscsiInterface": "default"},
    "ObjectFieldSelector": {"apiVersion": "v1"},
    "PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    "PodSpec": {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    },
    "Probe": {
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    "ProjectedVolumeSource": {"defaultMode": 0o644},
    "RBDVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "ScaleIOVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "SecretVolumeSource": {"defaultMode": 0o644},
    "ServiceAccountTokenProjection": {"expirationSeconds": 3600},
}

# A name that the container runtime's grammar takes: [domain[:port]/]path[:tag][@digest].
_IMAGE = re.compile(
    r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
    r"|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,})?"
)
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")
# Longer references are refused everywhere; the bound keeps the match above cheap.
_IMAGE_LENGTH_MAX = 1024


def default_pull_policy(image: Any) -> str:
    """Return the policy that the API server fills in: Always for `latest` or no tag at all."""
    if not isinstance(image, str) or len(image) > _IMAGE_LENGTH_MAX or _IMAGE_ID.fullmatch(image):
        return "IfNotPresent"
    match = _IMAGE.fullmatch(image)
    if match is None:  # not an image name, which has no tag either
        return "IfNotPresent"
    tag = match["tag"] or ("" if match["digest"] else "latest")
    return "Always" if tag == "latest" else "IfNotPresent"


def print_amount(value: Any) -> Any:
    """Return a text that equal quantities share, or the value itself if it is no quantity."""
    amount = _amount(value)
    return value if amount is None else str(amount)


def print_resource(value: Any) -> Any:
    """Do the same for a resource, which the API server keeps in thousandths, rounded up."""
    amount = _amount(value)
    if amount is None:
        return value
    thousandths = -(-abs(amount.numerator) * 1000 // amount.denominator)
    return str(Fraction(thousandths if amount > 0 else -thousandths, 1000))


def _amount(value: Any) -> Fraction | None:
    """Return the value as an API server stores it: read, printed and read again."""
    try:
        if isinstance(value, str | int | float):
            return parse_quantity(canonical_quantity(value))
        return None
    except BadQuantity:
        return None


def _dropping(defaults: dict[str, Any]) -> Finish:
    """Drop default values, and nulls where Go prints them always."""
    pairs = tuple(defaults.items())

    def finish(printed: dict[str, Any]) -> None:
        for name, default in pairs:
            if name in printed:
                value = printed[name]
                # `0 == False` must not count.
                if value is None or (value == default and type(value) is type(default)):
                    del printed[name]

    return finish


def _finish_container(printed: dict[str, Any]) -> None:
    _finish_container_constants(printed)
    if printed.get("imagePullPolicy") == default_pull_policy(printed.get("image")):
        del printed["imagePullPolicy"]


def _finish_pod(printed: dict[str, Any]) -> None:
    _finish_pod_constants(printed)
    # The old name of the field mirrors the new one, which wins.
    mirror = printed.pop("serviceAccount", None)
    if mirror is not None and "serviceAccountName" not in printed:
        printed["serviceAccountName"] = mirror
    if printed.get("hostNetwork") is True:
        _drop_host_ports(printed)


def _drop_host_ports(pod: dict[str, Any]) -> None:
    """On the host's network a container's port is the host's, whether written or not."""
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in _structs(pod.get(kind)):
            for port in _structs(container.get("ports")):
                if "hostPort" in port and port["hostPort"] == port["containerPort"]:
                    del port["hostPort"]


def _structs(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _finish_volume(printed: dict[str, Any]) -> None:
    if printed.keys() <= {"name"}:
        printed["emptyDir"] = {}


def _finish_image_volume(printed: dict[str, Any]) -> None:
    if printed.get("pullPolicy") == default_pull_policy(printed.get("reference")):
        del printed["pullPolicy"]


_finish_container_constants = _dropping(_DEFAULTS["Container"])
_finish_pod_constants = _dropping(_DEFAULTS["PodSpec"])

FINISH: dict[str, Finish] = {
    **{name: _dropping(defaults) for name, defaults in _DEFAULTS.items()},
    "Container": _finish_container,
    "EphemeralContainer": _finish_container,
    "ImageVolumeSource": _finish_image_volume,
    "PodSpec": _finish_pod,
    "Volume": _finish_volume,
}
"""What takes the defaults out of each printed struct."""
