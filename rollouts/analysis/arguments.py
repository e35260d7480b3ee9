"""Finds the values of arguments: written out, from the Rollout, or by reference to a Secret.

Arguments that several templates ask for are one argument, as with the peer. Arguments that are
given to one template alone get a name of their own in the run, `template.argument`, so that
they stay apart from those of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollouts.analysis.templates import Arguments, Complaint, TemplateKey, Use, distinct
from rollouts.api.argument_rules import SOURCES, argument_findings, field_at, parse_field_path
from rollouts.api.placeholders import wanted_arguments
from rollouts.api.problems import render_path
from rollouts.api.refs import Manifest
from rollouts.api.spot import Spot


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """What arguments can be made of.

    Attributes:
        rollout: the Rollout as it is; None for a run that nobody's update waits for.
        stable_hash: pod template hash of the stable revision; empty when there is none.
        latest_hash: pod template hash of the revision in spec.
        is_offline: there is no cluster to ask: hashes and fields of status stay open.
    """

    rollout: Manifest | None = None
    stable_hash: str = ""
    latest_hash: str = ""
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class MergedArguments:
    """The arguments of a run.

    Attributes:
        arguments: by their names in the run; secrets are still references.
        scoped: for each use of a template, the names that its own arguments have in the run.
    """

    arguments: Arguments
    scoped: tuple[dict[str, str], ...]

    @property
    def values(self) -> dict[str, str]:
        """Return the values that are no secrets."""
        return {
            name: argument["value"]
            for name, argument in self.arguments.items()
            if isinstance(argument.get("value"), str)
        }

    @property
    def secrets(self) -> frozenset[str]:
        """Return the names of the arguments that come from a Secret."""
        return frozenset(
            name
            for name, argument in self.arguments.items()
            if Spot(argument).at("valueFrom", "secretKeyRef").given
        )

    @property
    def pending(self) -> frozenset[str]:
        """Return the names of the arguments whose values are not known yet."""
        return frozenset(self.arguments) - frozenset(self.values)


def given_arguments(
    analysis: Manifest, facts: RolloutFacts
) -> tuple[Arguments, tuple[Complaint, ...]]:
    """Return the arguments that an analysis gives, with the values that are known."""
    args = Spot(analysis).at("args")
    complaints = [
        Complaint(None, render_path(finding.path), finding.message, finding.value)
        for finding in argument_findings(args, value_needed=True)
    ]
    given: dict[str, Manifest] = {}
    for argument in args.each():
        content, reason = _settled(argument.mapping, facts)
        if reason:
            path = render_path(argument.at("valueFrom").path)
            complaints.append(Complaint(None, path, reason))
        given[argument.at("name").text] = content
    return given, tuple(complaints)


def merge_arguments(
    uses: tuple[Use, ...], given: Arguments, facts: RolloutFacts
) -> tuple[MergedArguments, tuple[Complaint, ...]]:
    """Return the arguments that some uses of templates ask for, with their values.

    What an analysis gives goes before what a template says; two templates that say different
    things are refused, as with the peer.
    """
    complaints = list(_conflicts(uses))
    arguments: dict[str, Manifest] = {}
    scoped: list[dict[str, str]] = []
    for use in uses:
        scope, names = dict(use.scope), dict[str, str]()
        for declared in _declared(use):
            name = declared.at("name").text
            if name in scope:
                content, reason = _settled(scope[name], facts)
                names[name] = _own_name(use.key, name, content, arguments)
                arguments[names[name]] = content | {"name": names[name]}
            else:
                content, reason = _settled(given.get(name, declared.mapping), facts)
                if name not in arguments or not _has_value(arguments[name]):
                    arguments[name] = content
            if reason and name not in given:
                path = render_path(declared.at("valueFrom").path)
                complaints.append(Complaint(use.key, path, reason))
        scoped.append(names)
    for name, argument in arguments.items():
        if not _has_value(argument) and name not in given:
            owners = ", ".join(str(use.key) for use in uses if _asks(use, name))
            complaints.append(
                Complaint(None, "args", f"the argument {name!r} of {owners} has no value; give it")
            )
        complaints.extend(_nested(name, argument))
    ordered = {name: _ordered(argument) for name, argument in arguments.items()}
    return MergedArguments(ordered, tuple(scoped)), distinct(complaints)


def _declared(use: Use) -> Iterator[Spot]:
    """Yield the arguments that a template asks for."""
    yield from Spot(use.manifest).at("spec", "args").each()


def _asks(use: Use, name: str) -> bool:
    """Return whether a use asks for an argument that is not its own alone."""
    asked = (argument.at("name").text for argument in _declared(use))
    return name in asked and name not in dict(use.scope)


def _conflicts(uses: tuple[Use, ...]) -> Iterator[Complaint]:
    """Yield arguments for which two templates say different things."""
    said: dict[str, tuple[TemplateKey, Manifest]] = {}
    for use in uses:
        for argument in _declared(use):
            name = argument.at("name").text
            if name in dict(use.scope) or not _has_value(argument.mapping):
                continue
            other, content = said.setdefault(name, (use.key, argument.mapping))
            if _source(content) != _source(argument.mapping):
                yield Complaint(
                    use.key,
                    render_path(argument.path),
                    f"Argument `{name}` specified multiple times with different values, "
                    f"in {other} too; give each template its own args",
                )


def _has_value(argument: Manifest) -> bool:
    """Return whether an argument says what its value is."""
    return argument.get("value") is not None or argument.get("valueFrom") is not None


def _source(argument: Manifest) -> object:
    """Return where an argument gets its value from, as something that can be compared."""
    spot = Spot(argument)
    return (spot.at("value").value, [spot.at("valueFrom", name).value for name in SOURCES])


def _own_name(key: TemplateKey, name: str, content: Manifest, taken: Arguments) -> str:
    """Return the name in the run of an argument that is given to one template alone."""
    wanted = f"{key.name}.{name}"
    number = 1
    while wanted in taken and _source(taken[wanted]) != _source(content):
        number += 1
        wanted = f"{key.name}.{number}.{name}"
    return wanted


def _settled(argument: Manifest, facts: RolloutFacts) -> tuple[Manifest, str]:
    """Return an argument with its value, and why it has none when it should have one."""
    source = Spot(argument).at("valueFrom")
    if not source.given:
        return argument, ""
    pod_hash, path = source.at("podTemplateHashValue").text, source.at("fieldRef", "fieldPath").text
    is_open = facts.is_offline and (pod_hash or path.split(".")[0] == "status")
    if is_open or not (pod_hash or path):
        return argument, ""
    value, reason = _hash(pod_hash, facts) if pod_hash else _field(path, facts)
    return {"name": argument.get("name"), "value": value}, reason


def _hash(which: str, facts: RolloutFacts) -> tuple[str, str]:
    """Return the pod template hash of a revision, or why there is none."""
    if facts.rollout is None:
        return "", "is a hash of a Rollout, and this run has none; give the argument a value"
    value = facts.stable_hash if which == "Stable" else facts.latest_hash
    return value, "" if value else f"the Rollout has no {which.lower()} revision yet"


def _field(path: str, facts: RolloutFacts) -> tuple[str, str]:
    """Return a field of the Rollout, or why there is none."""
    if facts.rollout is None:
        return (
            "",
            "is a field of a Rollout, and this run belongs to none; give the argument a value",
        )
    parts = parse_field_path(path)
    value = field_at(facts.rollout, parts) if parts else None
    return value or "", "" if value is not None else f"the Rollout has no plain field {path}"


def _nested(name: str, argument: Manifest) -> Iterator[Complaint]:
    """Yield a value that itself asks for an argument: it would stay as it is, unseen."""
    value = argument.get("value")
    if isinstance(value, str) and wanted_arguments(value):
        message = f"the value of the argument {name!r} refers to an argument; write it out"
        yield Complaint(None, "args", message, value)


def _ordered(argument: Manifest) -> Manifest:
    """Return an argument as a run holds it."""
    kept = ("name", "value") if argument.get("value") is not None else ("name", "valueFrom")
    return {key: argument[key] for key in kept if argument.get(key) is not None}
