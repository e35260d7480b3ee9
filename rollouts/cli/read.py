"""`get`, `list` and `status`: look at rollouts, once or as they change."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rollouts.api.refs import POD, REPLICA_SET, ROLLOUT, Manifest, ObjectRef
from rollouts.cli import show
from rollouts.cli.following import follow_with_runs, list_runs
from rollouts.cli.output import dump, shown
from rollouts.cli.picture import Picture
from rollouts.cli.plain_text import one_line
from rollouts.cli.session import add_cluster_flags, add_timeout_flag, run
from rollouts.kube.rest import KubeCluster

COLUMNS = ("NAME", "STRATEGY", "STATUS", "STEP", "WEIGHT", "READY", "DESIRED", "UPDATED")
USAGE_ERROR = 2

REDRAW_SECONDS = 1.0
"""How often a watched picture is redrawn although nothing changed: countdowns move."""


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `get`, `list` and `status`."""
    get = subparsers.add_parser("get", help="show a rollout as a tree, or list all of them")
    get.add_argument("name", nargs="?", default="", help="name of the Rollout; none: list them")
    get.add_argument("-w", "--watch", action="store_true", help="keep showing it as it changes")
    get.add_argument(
        "-o", "--output", choices=("tree", "json", "yaml"), default="tree", help="default: tree"
    )
    _add_list_flags(get)
    listing = subparsers.add_parser("list", help="list the rollouts of a namespace, or of all")
    listing.add_argument(
        "-o", "--output", choices=("table", "json", "yaml"), default="table", help="default: table"
    )
    _add_list_flags(listing)
    listing.set_defaults(name="", watch=False)
    _add_status(subparsers)


def _add_list_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-A", "--all-namespaces", action="store_true", help="list in all namespaces"
    )
    add_cluster_flags(parser)
    parser.set_defaults(run=run_get)


def _add_status(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    status = subparsers.add_parser(
        "status", help="print phase and message; exit 0 when healthy, 1 when degraded"
    )
    status.add_argument("name", help="name of the Rollout")
    status.add_argument(
        "-w",
        "--watch",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="wait until the rollout is healthy or degraded (default)",
    )
    add_timeout_flag(status)
    add_cluster_flags(status)
    status.set_defaults(run=run_status)


def run_get(args: argparse.Namespace) -> int:
    """Show one rollout, or a list."""
    misuse = _misuse_of_get(args)
    if misuse:
        print(f"error: {misuse}", file=sys.stderr)
        return USAGE_ERROR

    async def work(cluster: KubeCluster, namespace: str) -> int:
        if not args.name:
            return await _list(cluster, "" if args.all_namespaces else namespace, args.output)
        ref = ObjectRef(ROLLOUT, namespace, args.name)
        if args.output != "tree":
            dump(shown(await cluster.get(ref)), args.output)
        elif args.watch:
            return await _watch_tree(cluster, ref)
        else:
            show.put(show.render(await picture_of(cluster, ref)))
        return 0

    return run(args, work)


def _misuse_of_get(args: argparse.Namespace) -> str:
    """Say which flags do not go together; empty when all do."""
    if args.name and args.all_namespaces:
        return "--all-namespaces lists rollouts: leave NAME out, or name its namespace with -n"
    if args.watch and not args.name:
        return "--watch follows one rollout: add its NAME"
    if args.watch and args.output != "tree":
        return f"--watch draws a tree: leave -o {args.output} out"
    return ""


def run_status(args: argparse.Namespace) -> int:
    """Print phase and message; wait for a decision unless told not to."""

    async def work(cluster: KubeCluster, namespace: str) -> int:
        ref = ObjectRef(ROLLOUT, namespace, args.name)
        try:
            async with asyncio.timeout(args.timeout or None):
                return await _follow_status(cluster, ref, watch=args.watch)
        except TimeoutError:
            print(
                f"error: {ref} is neither healthy nor degraded after {args.timeout:g} s",
                file=sys.stderr,
            )
            return 1

    return run(args, work)


async def _follow_status(cluster: KubeCluster, ref: ObjectRef, *, watch: bool) -> int:
    from rollouts.cli import tree
    from rollouts.cli.run_lines import say_runs, view_runs

    last: tuple[str, ...] = ()
    async with contextlib.aclosing(follow_with_runs(cluster, ref)) as states:
        async for rollout, manifests in states:
            now = datetime.now(UTC)
            phase, message = tree.phase_of(rollout)
            line = f"{phase} - {one_line(message)}" if message else phase
            runs = view_runs(rollout, manifests, now)
            # What is measured next is said, but that it is nearer now is no news.
            news = (line, *say_runs(rollout, runs, with_times=False))
            if news != last:
                if news[:1] != last[:1]:
                    print(line)
                for each in say_runs(rollout, runs):
                    print(f"  {each}")
                sys.stdout.flush()
                last = news
            if phase == "Degraded":
                print(f"error: {ref} is degraded", file=sys.stderr)
                return 1
            if phase == "Healthy" or not watch:
                return 0
    print(f"error: {ref} was deleted", file=sys.stderr)
    return 1


async def picture_of(
    cluster: KubeCluster,
    ref: ObjectRef,
    rollout: Manifest | None = None,
    analysis_runs: Sequence[Manifest] | None = None,
) -> Picture:
    """Read a rollout and its runs, unless they are given, with its sets and pods; draw them."""
    from rollouts.cli import tree

    rollout = rollout or await cluster.get(ref)
    selector = (rollout["spec"].get("selector") or {}).get("matchLabels") or {}
    words = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))

    async def runs() -> Sequence[Manifest]:
        if analysis_runs is not None:
            return analysis_runs
        return await list_runs(cluster, ref.namespace)

    sets, pods, found = await asyncio.gather(
        cluster.list(REPLICA_SET, ref.namespace, label_selector=words),
        cluster.list(POD, ref.namespace, label_selector=words),
        runs(),
    )
    return tree.draw(rollout, sets, pods, datetime.now(UTC), analysis_runs=found)


async def _watch_tree(cluster: KubeCluster, ref: ObjectRef) -> int:
    if show.console().is_terminal:
        await _redraw(cluster, ref)
    else:
        async with contextlib.aclosing(follow_with_runs(cluster, ref)) as states:
            async for rollout, runs in states:
                show.put(show.render(await picture_of(cluster, ref, rollout, runs)))
                print(flush=True)
    print(f"error: {ref} was deleted", file=sys.stderr)
    return 1


async def _redraw(cluster: KubeCluster, ref: ObjectRef) -> None:
    """Keep one picture on the screen, up to date, until the rollout is deleted."""
    from rich.live import Live

    changed = asyncio.Event()
    latest = await cluster.get(ref), await list_runs(cluster, ref.namespace)

    async def notice() -> None:
        nonlocal latest
        async for seen in follow_with_runs(cluster, ref):
            latest = seen
            changed.set()

    watcher = asyncio.create_task(notice())
    try:
        picture = show.render(await picture_of(cluster, ref, *latest))
        with Live(picture, console=show.console(), auto_refresh=False) as live:
            while not watcher.done():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), REDRAW_SECONDS)
                changed.clear()
                picture = show.render(await picture_of(cluster, ref, *latest))
                live.update(picture, refresh=True)
        watcher.result()
    finally:
        watcher.cancel()


async def _list(cluster: KubeCluster, namespace: str, output: str) -> int:
    found = await cluster.list(ROLLOUT, namespace)
    rollouts = sorted(
        found, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"])
    )
    if output in {"json", "yaml"}:
        items = [shown(each) for each in rollouts]
        dump({"apiVersion": "v1", "kind": "List", "items": items}, output)
        return 0
    if not rollouts:
        place = f"namespace {namespace}" if namespace else "any namespace"
        print(f"no rollouts in {place}", file=sys.stderr)
        return 0
    columns, rows = list(COLUMNS), [_row(each) for each in rollouts]
    if not namespace:
        columns.insert(0, "NAMESPACE")
        rows = [
            (each["metadata"]["namespace"], *row) for each, row in zip(rollouts, rows, strict=True)
        ]
    show.put_list(columns, rows)
    return 0


def _row(rollout: Manifest) -> tuple[str, ...]:
    from rollouts.cli import tree

    status, steps = rollout.get("status") or {}, tree.steps_of(rollout)
    phase, _ = tree.phase_of(rollout)
    index = status.get("currentStepIndex")
    weights = (status.get("canary") or {}).get("weights") or {}
    wanted = rollout["spec"].get("replicas")
    return (
        rollout["metadata"]["name"],
        tree.strategy_of(rollout),
        phase,
        "-" if index is None else f"{index}/{len(steps)}",
        str((weights.get("canary") or {}).get("weight", "-")),
        f"{status.get('readyReplicas', 0)}/{status.get('replicas', 0)}",
        str(1 if wanted is None else wanted),
        str(status.get("updatedReplicas", 0)),
    )
