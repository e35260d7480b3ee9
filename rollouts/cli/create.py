"""`create analysisrun`: measure once by hand what templates say, with no Rollout waiting for it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    Manifest,
    ObjectRef,
)
from rollouts.cli.session import add_cluster_flags, add_timeout_flag, run
from rollouts.kube.errors import Forbidden, NotFound
from rollouts.kube.rest import KubeCluster

if TYPE_CHECKING:
    from rollouts.analysis.templates import TemplateKey
    from rollouts.api.problems import Problem
    from rollouts.cli.new_run import Wish

USAGE_ERROR = 2

EXAMPLES = """\
examples:
  rollouts create analysisrun --from error-rate -a service=shop-canary
  rollouts create analysisrun --from template/error-rate --from clustertemplate/latency --watch
  rollouts create analysisrun --from-file error-rate.yaml -a service=shop-canary
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `create` and what can be created."""
    parser = subparsers.add_parser("create", help="create an AnalysisRun from templates")
    kinds = parser.add_subparsers(title="kinds", metavar="KIND", required=True)
    made = kinds.add_parser(
        "analysisrun",
        aliases=["ar"],
        help="measure what templates say, with no Rollout waiting for it",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--from",
        dest="sources",
        action="append",
        nargs="+",
        default=[],
        metavar="TEMPLATE",
        help="NAME, template/NAME or clustertemplate/NAME; several times for several templates",
    )
    made.add_argument(
        "--global",
        dest="is_global",
        action="store_true",
        help="a bare NAME means a ClusterAnalysisTemplate",
    )
    made.add_argument(
        "--from-file",
        default="",
        metavar="FILE",
        help="templates of a file, - for standard input; what they include may be in the cluster",
    )
    made.add_argument(
        "-a",
        "--argument",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value of an argument; several times for several",
    )
    _add_naming_flags(made)
    made.add_argument(
        "--provider",
        action="append",
        default=[],
        metavar="NAME",
        help="a metric provider that is installed where the controller runs, but not here",
    )
    made.add_argument(
        "--dry-run", action="store_true", help="print the AnalysisRun and create nothing"
    )
    made.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="follow it to its end; exit code as of analysis watch",
    )
    add_timeout_flag(made)
    add_cluster_flags(made)
    made.set_defaults(run=run_create)


def _add_naming_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="", help="name of the run; default: a made one")
    parser.add_argument(
        "--generate-name",
        default="",
        metavar="START",
        help="what the made name begins with; default: the template's name",
    )
    parser.add_argument(
        "--instance-id", default="", help="instance id of the controller that is to measure"
    )


def run_create(args: argparse.Namespace) -> int:
    """Create a run, or say all that is wrong and create none."""
    from rollouts.cli.new_run import read_arguments, read_source

    try:
        sources = tuple(read_source(words, is_cluster=args.is_global) for words in args.sources)
        arguments = read_arguments(args.argument)
        _check_use(args)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR

    async def work(cluster: KubeCluster, namespace: str) -> int:
        return await _create(cluster, namespace, args, sources=sources, arguments=arguments)

    return run(args, work)


def _check_use(args: argparse.Namespace) -> None:
    """Refuse flags that do not go together.

    Raises:
        ValueError: the message says which.
    """
    if not args.sources and not args.from_file:
        raise ValueError("say what to measure: --from TEMPLATE or --from-file FILE")
    if args.name and args.generate_name:
        raise ValueError("--name is the whole name and --generate-name its beginning: choose one")
    if args.watch and args.dry_run:
        raise ValueError("--dry-run creates nothing that --watch could follow: choose one")


async def _create(
    cluster: KubeCluster,
    namespace: str,
    args: argparse.Namespace,
    *,
    sources: tuple[TemplateKey, ...],
    arguments: dict[str, str],
) -> int:
    from rollouts.cli.new_run import Wish, exposed_secrets, make_run, not_included
    from rollouts.metric_providers.registry import installed_providers

    templates, problems = _from_file(args.from_file, namespace)
    if problems:
        return _refuse(problems)
    wish = Wish(
        namespace,
        sources or not_included(templates),
        arguments,
        name=args.name,
        name_start=args.generate_name,
        instance=args.instance_id,
    )
    await _fetch(cluster, wish, templates)
    providers = (*installed_providers(), *args.provider)
    manifest, problems = make_run(wish, templates, providers)
    if manifest is None:
        return _refuse(problems)
    for name in exposed_secrets(wish, templates):
        print(
            f"warning: --argument {name} stands in the run for all to read, in place of a"
            " reference to a Secret",
            file=sys.stderr,
        )
    if args.dry_run:
        from rollouts.cli.output import dump

        dump(manifest, "yaml")
        return 0
    return await _made(cluster, await cluster.create(manifest, ANALYSIS_RUN), args)


async def _made(cluster: KubeCluster, made: Manifest, args: argparse.Namespace) -> int:
    """Say what was made and how to look at it, or follow it."""
    from rollouts.cli.analysis import watch_run

    metadata = made["metadata"]
    ref = ObjectRef(ANALYSIS_RUN, metadata["namespace"], metadata["name"])
    count = len(made["spec"]["metrics"])
    print(f"{ref}: created, {count} {'metric' if count == 1 else 'metrics'}", flush=True)
    if args.watch:
        return await watch_run(cluster, ref, timeout_seconds=args.timeout)
    place = f" -n {ref.namespace}" if args.namespace else ""
    print(f"to see it: rollouts analysis get {ref.name}{place}")
    print(f"to wait for its end: rollouts analysis watch {ref.name}{place}")
    return 0


def _refuse(problems: Iterable[Problem]) -> int:
    from rollouts.cli.plain_text import one_line

    found = tuple(problems)
    noun = "problem" if len(found) == 1 else "problems"
    print(f"error: no AnalysisRun was created: {len(found)} {noun}", file=sys.stderr)
    for each in found:
        print(f"  {one_line(each)}", file=sys.stderr)
    return 1


def _from_file(
    name: str, namespace: str
) -> tuple[dict[TemplateKey, Manifest], tuple[Problem, ...]]:
    """Return the templates of a file, none without one, and what is wrong with it."""
    from rollouts.api.documents import BadDocument, read_objects
    from rollouts.api.problems import Problem
    from rollouts.cli.new_run import read_templates

    if not name:
        return {}, ()
    try:
        text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        documents = read_objects(text, "standard input" if name == "-" else name)
    except OSError as error:
        return {}, (Problem(name, f"cannot be read: {error.strerror}"),)
    except BadDocument as error:
        return {}, (Problem("--from-file", str(error)),)
    return read_templates(documents, namespace)


async def _fetch(cluster: KubeCluster, wish: Wish, templates: dict[TemplateKey, Manifest]) -> None:
    """Add the templates of a wish, and all that they include, to those that are known."""
    from rollouts.analysis.templates import USES_MAX, reference_keys
    from rollouts.api.spot import Spot

    waiting = deque(wish.templates)
    seen: set[TemplateKey] = set()
    missing: list[TemplateKey] = []
    while waiting and len(seen) <= USES_MAX:  # One more than can be used is refused later.
        key = waiting.popleft()
        if key in seen:
            continue
        seen.add(key)
        if key not in templates:
            try:
                templates[key] = await cluster.get(_ref(key, wish.namespace))
            except NotFound:
                missing.append(key)
                continue
        included = Spot(templates[key]).at("spec", "templates")
        waiting.extend(each for each, _ in reference_keys(included))
    if missing:
        await _fetch_others(cluster, wish.namespace, templates)


async def _fetch_others(
    cluster: KubeCluster, namespace: str, templates: dict[TemplateKey, Manifest]
) -> None:
    """Add all templates that can be seen, to say which one was perhaps meant."""
    from rollouts.analysis.templates import TemplateKey

    for kind in (ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE):
        with contextlib.suppress(Forbidden, NotFound):
            for each in await cluster.list(kind, namespace if kind.namespaced else ""):
                key = TemplateKey(each["metadata"]["name"], is_cluster=not kind.namespaced)
                templates.setdefault(key, each)


def _ref(key: TemplateKey, namespace: str) -> ObjectRef:
    if key.is_cluster:
        return ObjectRef(CLUSTER_ANALYSIS_TEMPLATE, "", key.name)
    return ObjectRef(ANALYSIS_TEMPLATE, namespace, key.name)
