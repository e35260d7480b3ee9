"""What is asked of a Helm chart, and the words by which helm is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that is set by its name.

    Attributes:
        is_text: hand it over as text, whatever it looks like.
    """

    name: str
    value: str
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class ChartOptions:
    """How a chart is rendered, in the order in which values win: the last one does.

    Attributes:
        release: name of the release, which is never made.
        namespace: of the release.
        value_files: paths and globs, relative to the chart.
        values: as YAML text.
        file_parameters: name, and path of a file relative to the chart.
        kube_version: to render for, instead of the cluster's.
        api_versions: to render for, beside the cluster's.
    """

    release: str = ""
    namespace: str = ""
    value_files: tuple[str, ...] = ()
    ignores_missing_value_files: bool = False
    values: str = ""
    parameters: tuple[Parameter, ...] = ()
    file_parameters: tuple[tuple[str, str], ...] = ()
    skips_crds: bool = False
    skips_tests: bool = False
    skips_schema: bool = False
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a cluster serves, as charts ask for it.

    Attributes:
        kube_version: such as v1.36.3; empty when it is not known.
        api_versions: group/version and group/version/kind.
    """

    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


def template_arguments(
    options: ChartOptions,
    capabilities: Capabilities,
    *,
    value_files: Iterable[str],
    set_files: Iterable[tuple[str, str]],
) -> tuple[str, ...]:
    """Return the arguments of `helm template`, without release and chart.

    Args:
        value_files: paths as helm finds them, in order.
        set_files: names of values and paths as helm finds them.
    """
    return tuple(_arguments(options, capabilities, tuple(value_files), tuple(set_files)))


def _arguments(
    options: ChartOptions,
    capabilities: Capabilities,
    value_files: tuple[str, ...],
    set_files: tuple[tuple[str, str], ...],
) -> Iterator[str]:
    if options.namespace:
        yield from ("--namespace", options.namespace)
    if not options.skips_crds:
        yield "--include-crds"
    if options.skips_tests:
        yield "--skip-tests"
    if options.skips_schema:
        yield "--skip-schema-validation"
    version = options.kube_version or capabilities.kube_version
    if version:
        yield from ("--kube-version", version)
    for each in dict.fromkeys((*capabilities.api_versions, *options.api_versions)):
        yield from ("--api-versions", each)
    for path in value_files:
        yield from ("--values", path)
    for one in options.parameters:
        yield "--set-string" if one.is_text else "--set"
        yield f"{one.name}={escaped(one.value)}"
    for name, path in set_files:
        yield from ("--set-file", f"{name}={path}")


def escaped(value: str) -> str:
    """Return a value in which a comma is no separator, as the peer hands it over.

    A list in braces keeps its commas.
    """
    if value.startswith("{") and value.endswith("}"):
        return value
    return _UNESCAPED_COMMA.sub(r"\\,", value)
