"""The two faces of an Event: core/v1, in which it is stored, and events.k8s.io/v1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest

# (events.k8s.io/v1, core/v1); what is not listed has the same name in both.
_RENAMED = (
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
)
_TO_CORE = dict(_RENAMED)
_FROM_CORE = {core: new for new, core in _RENAMED}


def event_to_core(manifest: Manifest) -> Manifest:
    """Return an events.k8s.io/v1 Event as core/v1."""
    return _rename(manifest, _TO_CORE, "v1")


def event_from_core(manifest: Manifest) -> Manifest:
    """Return a core/v1 Event as events.k8s.io/v1."""
    return _rename(manifest, _FROM_CORE, "events.k8s.io/v1")


def _rename(manifest: Manifest, names: dict[str, str], api_version: str) -> Manifest:
    renamed: dict[str, Any] = {names.get(key, key): value for key, value in manifest.items()}
    renamed["apiVersion"] = api_version
    return renamed
