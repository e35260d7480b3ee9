"""Takes the live weights of routes that a Rollout steers into what Git declares.

Rules are matched by name and destinations by what they point to, never by position: a commit may
add or reorder routes in the middle of a canary, and each destination keeps its own weight.
"""

from __future__ import annotations

from typing import Any

from rollouts.api.refs import Manifest

_LISTS = (("rules", "backendRefs"), ("http", "route"), ("tls", "route"), ("tcp", "route"))
_WEIGHT = "weight"


def with_live_weights(declared: Manifest, live: Manifest) -> Manifest:
    """Return the declared route with the weights in force; new destinations keep Git's."""
    spec, there = declared.get("spec"), live.get("spec")
    if not isinstance(spec, dict) or not isinstance(there, dict):
        return declared
    changed = dict(spec)
    for outer, inner in _LISTS:
        rules, live_rules = spec.get(outer), there.get(outer)
        if isinstance(rules, list) and isinstance(live_rules, list):
            changed[outer] = [
                _with_weights(rule, _twin(rules, at, live_rules), inner)
                for at, rule in enumerate(rules)
            ]
    return {**declared, "spec": changed}


def _twin(rules: list[Any], at: int, live_rules: list[Any]) -> Any:
    """Return the live rule of the same name; unnamed rules are matched while none was added."""
    name = rules[at].get("name") if isinstance(rules[at], dict) else None
    if name:
        named = [rule for rule in live_rules if isinstance(rule, dict) and rule.get("name") == name]
        return named[0] if len(named) == 1 else None
    return live_rules[at] if len(rules) == len(live_rules) else None


def _with_weights(rule: Any, live_rule: Any, inner: str) -> Any:
    if not isinstance(rule, dict) or not isinstance(live_rule, dict):
        return rule
    targets, live_targets = rule.get(inner), live_rule.get(inner)
    if not isinstance(targets, list) or not isinstance(live_targets, list):
        return rule
    return {**rule, inner: [_weighed(target, live_targets) for target in targets]}


def _weighed(target: Any, live_targets: list[Any]) -> Any:
    if not isinstance(target, dict):
        return target
    twins = [
        one for one in live_targets if isinstance(one, dict) and _points(one) == _points(target)
    ]
    if len(twins) != 1:
        return target
    kept = {key: value for key, value in target.items() if key != _WEIGHT}
    return {**kept, _WEIGHT: twins[0][_WEIGHT]} if _WEIGHT in twins[0] else kept


def _points(target: Manifest) -> tuple[str, ...]:
    """Return what tells one destination from another, without what the server defaults."""
    destination = target.get("destination")
    if isinstance(destination, dict):
        return str(destination.get("host", "")), str(destination.get("subset", ""))
    group = str(target.get("group", ""))
    return group, str(target.get("kind", "Service")), str(target.get("name", ""))
