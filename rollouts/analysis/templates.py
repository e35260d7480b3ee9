"""Finds the templates that an analysis uses, those included by others too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from rollouts.api.placeholders import fill
from rollouts.api.problems import Problem, render_path
from rollouts.api.refs import (
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    Manifest,
)
from rollouts.api.shape import hint
from rollouts.api.spot import Spot

USES_MAX = 100
"""Most templates in one analysis, counting included ones: far more than anybody reads."""


@dataclass(frozen=True, slots=True)
class TemplateKey:
    """Which template: its name, and whether it is one of the whole cluster."""

    name: str
    is_cluster: bool = False

    def __str__(self) -> str:
        kind = CLUSTER_ANALYSIS_TEMPLATE if self.is_cluster else ANALYSIS_TEMPLATE
        return f"{kind.kind}/{self.name}"


Templates: TypeAlias = Mapping[TemplateKey, Manifest]
"""The templates that can be seen: those of one namespace, and those of the cluster."""

Arguments: TypeAlias = Mapping[str, Manifest]
"""Arguments by name, each as the wire has it: `{name, value}` or `{name, valueFrom}`."""

Scope: TypeAlias = tuple[tuple[str, Manifest], ...]
"""Arguments for one use of a template alone, by name."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that keeps an analysis from being run.

    Attributes:
        template: where it is wrong; None for the analysis itself.
        path: the field in the template, or in the analysis.
        message: what is wrong and what to do.
        value: what stands there; None when something is missing.
    """

    template: TemplateKey | None
    path: str
    message: str
    value: Any = None

    def problem(self, prefix: str = "") -> Problem:
        """Return it as a problem.

        Args:
            prefix: path of the analysis in its object, such as `spec.strategy.canary.analysis`.
        """
        if self.template is not None:
            return Problem(f"{self.template}: {self.path}", self.message, self.value)
        path = f"{prefix}.{self.path}" if prefix and self.path else prefix or self.path
        return Problem(path, self.message, self.value)


def distinct(complaints: Iterable[Complaint]) -> tuple[Complaint, ...]:
    """Return complaints in their order, each once."""
    kept: dict[tuple[TemplateKey | None, str, str], Complaint] = {}
    for each in complaints:
        kept.setdefault((each.template, each.path, each.message), each)
    return tuple(kept.values())


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a template.

    Attributes:
        key: which template.
        manifest: the template.
        scope: arguments that hold for this use and what it includes.
    """

    key: TemplateKey
    manifest: Manifest
    scope: Scope = ()


def reference_keys(templates: Spot) -> Iterator[tuple[TemplateKey, Spot]]:
    """Yield the templates that a list refers to."""
    for reference in templates.each():
        name = reference.at("templateName").text
        if name:
            yield TemplateKey(name, reference.at("clusterScope").value is True), reference


def find_uses(
    analysis: Manifest,
    templates: Templates,
    given: Arguments,
    unreadable: Mapping[bool, str] = MappingProxyType({}),
) -> tuple[tuple[Use, ...], tuple[Complaint, ...]]:
    """Return the uses of templates in their order, those of an includer before the included.

    A template that is used twice with the same arguments is used once.

    Args:
        given: the arguments of the analysis itself, by name.
        unreadable: why templates of a scope cannot be read, by whether it is the cluster's.
    """
    finder = _Finder(templates, given, unreadable, [], [])
    finder.follow(Spot(analysis).at("templates"), (), ())
    return tuple(finder.uses), distinct(finder.complaints)


@dataclass(frozen=True, slots=True)
class _Finder:
    """A walk through references; `uses` and `complaints` are its result."""

    templates: Templates
    given: Arguments
    unreadable: Mapping[bool, str]
    uses: list[Use]
    complaints: list[Complaint]

    def follow(self, references: Spot, scope: Scope, trail: tuple[TemplateKey, ...]) -> None:
        """Take in the templates of a list.

        Args:
            scope: arguments that hold where the list stands.
            trail: the templates on the way to the list, its owner last.
        """
        for key, reference in reference_keys(references):
            name = reference.at("templateName")
            if key in trail:
                way = " → ".join(each.name for each in (*trail[trail.index(key) :], key))
                self.complain(trail, name, f"includes itself: {way}; leave one of them out")
                continue
            manifest = self.templates.get(key)
            if manifest is None:
                self.complain(trail, name, self.missing(key))
                continue
            use = Use(key, manifest, self.scope_of(key, reference, scope, trail))
            if use in self.uses:
                continue
            if len(self.uses) == USES_MAX:
                self.complain(trail, name, f"is one template too many; at most {USES_MAX} are used")
                return
            self.uses.append(use)
            self.follow(Spot(manifest).at("spec", "templates"), use.scope, (*trail, key))

    def complain(self, trail: tuple[TemplateKey, ...], spot: Spot, message: str) -> None:
        """Note a complaint about what the last template of a trail says, or else the analysis."""
        owner = trail[-1] if trail else None
        self.complaints.append(Complaint(owner, render_path(spot.path), message, spot.value))

    def missing(self, key: TemplateKey) -> str:
        """Return that a template is not there or not seen, and which was perhaps meant."""
        if why := self.unreadable.get(key.is_cluster):
            return f"{key} cannot be read: {why}"
        other = TemplateKey(key.name, is_cluster=not key.is_cluster)
        if other in self.templates:
            scope = "true" if other.is_cluster else "false"
            return f"{key} does not exist, but {other} does: set clusterScope to {scope}"
        names = sorted(each.name for each in self.templates if each.is_cluster == key.is_cluster)
        return f"{key} does not exist{hint(key.name, names)}"

    def scope_of(
        self, key: TemplateKey, reference: Spot, outer: Scope, trail: tuple[TemplateKey, ...]
    ) -> Scope:
        """Return the arguments that hold for one use: its own before those of its owner."""
        known = dict(outer)
        declared = self.declared_below(key, ())
        for argument in reference.at("args").each():
            name, value = argument.at("name"), argument.at("value")
            content: Manifest = dict(argument.mapping)
            if "{{" in value.text:
                content["value"] = self.passed_on(value, dict(outer), trail)
            if name.text not in declared:
                self.complain(
                    trail, name, f"is no argument of {key}{hint(name.text, sorted(declared))}"
                )
            elif name.text:
                known[name.text] = content
        return tuple(known.items())

    def passed_on(self, value: Spot, outer: Arguments, trail: tuple[TemplateKey, ...]) -> str:
        """Return a value in which arguments of the owner stand, such as `{{args.service}}-v2`."""
        owner = Spot(self.templates.get(trail[-1]) if trail else None)
        defaults = {one.at("name").text: one.mapping for one in owner.at("spec", "args").each()}

        def write(name: str, _offset: int) -> str:
            argument = outer.get(name) or self.given.get(name) or defaults.get(name) or {}
            if not trail or name not in (*outer, *defaults):
                self.complain(trail, value, f"wants the argument {name!r}, which is not known here")
            elif not isinstance(argument.get("value"), str):
                self.complain(
                    trail, value, f"wants the argument {name!r}, which has no value to pass on"
                )
            return str(argument.get("value", ""))

        return fill(value.text, write)

    def declared_below(self, key: TemplateKey, trail: tuple[TemplateKey, ...]) -> frozenset[str]:
        """Return the arguments that a template or one that it includes asks for."""
        if key in trail or len(trail) > USES_MAX:
            return frozenset()
        spec = Spot(self.templates.get(key)).at("spec")
        own = frozenset(argument.at("name").text for argument in spec.at("args").each())
        below = (
            self.declared_below(included, (*trail, key))
            for included, _ in reference_keys(spec.at("templates"))
        )
        return own.union(*below)
