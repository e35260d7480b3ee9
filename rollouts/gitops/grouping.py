"""Puts what is declared into the groups in which a sync goes through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from rollouts.api.refs import CRD, NAMESPACE
from rollouts.gitops import order
from rollouts.gitops.hooks import Hook
from rollouts.gitops.model import Declared, Family, SyncUnit

_DEFINING = (CRD.kind, NAMESPACE.kind)
"""Kinds that other objects of the same wave may need before they can even be dry-run."""

_SYNC = order.PHASES.index("Sync")

_Stage: TypeAlias = tuple[int, int, int]
"""Rank of the phase, wave, and stage inside the wave."""

_SortKey: TypeAlias = tuple[int, str, str, str]
_Placed: TypeAlias = tuple[_Stage, _SortKey, Declared | Hook]


@dataclass(frozen=True, slots=True)
class Group:
    """Objects that are dry-run together, then applied together, and hooks that run after them.

    Attributes:
        definitions: they define kinds that later groups may need.
        gated: they must be healthy before the next group.
    """

    objects: tuple[Declared, ...]
    hooks: tuple[Hook, ...] = ()
    phase: str = "Sync"
    wave: int = 0
    definitions: bool = False
    gated: bool = False


def make_groups(
    unit: SyncUnit, objects: Iterable[Declared], hooks: Iterable[Hook] = ()
) -> tuple[Group, ...]:
    """Return objects and hooks by phase and wave, in each what others need before the others."""
    placed = _placed_as_application if unit.id.family is Family.APPLICATION else _placed_as_flux
    by_stage: dict[_Stage, list[tuple[_SortKey, Declared | Hook]]] = {}
    for stage, sort_key, one in placed((*objects, *hooks)):
        by_stage.setdefault(stage, []).append((sort_key, one))
    stages = sorted(by_stage)
    groups: list[Group] = []
    for stage in stages:
        members = [one for _, one in sorted(by_stage[stage], key=lambda each: each[0])]
        declared = tuple(one for one in members if isinstance(one, Declared))
        group = Group(
            declared,
            tuple(one for one in members if isinstance(one, Hook)),
            phase=order.PHASES[stage[0]],
            wave=stage[1],
            definitions=any(one.key.kind == CRD.kind for one in declared),
            gated=stage[:2] != stages[-1][:2],
        )
        groups.append(group)
    return tuple(groups)


def _placed_as_application(members: tuple[Declared | Hook, ...]) -> Iterator[_Placed]:
    tasks = order.pulled_forward(
        order.task(one.declared.manifest, one.phase)
        if isinstance(one, Hook)
        else order.task(one.manifest)
        for one in members
    )
    for each, one in zip(tasks, members, strict=True):
        key = one.declared.key if isinstance(one, Hook) else one.key
        defines = isinstance(one, Declared) and key.kind in _DEFINING
        yield (
            (*each.step, 0 if defines else 1),
            (order.apply_rank(key.kind), key.name, key.kind, key.namespace),
            one,
        )


def _placed_as_flux(members: tuple[Declared | Hook, ...]) -> Iterator[_Placed]:
    for one in members:
        if isinstance(one, Declared):  # Hooks are a word of Applications.
            stage = (_SYNC, 0, order.flux_stage(one.key.kind))
            yield stage, order.flux_key(one.manifest), one
