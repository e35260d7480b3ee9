"""`get`, `list` and `status`: look at rollouts, once or as they change."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from rollouts.api.refs import POD, REPLICA_SET, ROLLOUT, Manifest, ObjectRef
from rollouts.cli import show, tree
from rollouts.cli.session import add_cluster_flags, run
from rollouts.kube.errors import Gone, Unavailable, Unknown
from rollouts.kube.rest import KubeCluster

COLUMNS = ("NAME", "STRATEGY", "STATUS", "STEP", "WEIGHT", "READY", "DESIRED", "UPDATED")
USAGE_ERROR = 2

OUTAGE_SECONDS_MAX = 300.0
"""How long a command that follows an object waits for an API server that is away."""

RETRY_SECONDS = 1.0

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
    status.add_argument(
        "--timeout",
        type=_seconds,
        default=0.0,
        help="give up after this time, such as 5m; 0: never",
    )
    add_cluster_flags(status)
    status.set_defaults(run=run_status)


def _seconds(text: str) -> float:
    from rollouts.api.times import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from error


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
            _dump(_shown(await cluster.get(ref)), args.output)
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
    last = ""
    async with contextlib.aclosing(follow(cluster, ref)) as states:
        async for rollout in states:
            phase, message = tree.phase_of(rollout)
            line = f"{phase} - {message}" if message else phase
            if line != last:
                print(line, flush=True)
                last = line
            if phase == "Degraded":
                print(f"error: {ref} is degraded", file=sys.stderr)
                return 1
            if phase == "Healthy" or not watch:
                return 0
    print(f"error: {ref} was deleted", file=sys.stderr)
    return 1


async def follow(cluster: KubeCluster, ref: ObjectRef) -> AsyncGenerator[Manifest, None]:
    """Iterate over the states of one object until it is deleted.

    Raises:
        ClusterError: it cannot be read at first, or not again within `OUTAGE_SECONDS_MAX`.
    """
    loop = asyncio.get_running_loop()
    seen_at: float | None = None
    while True:
        try:
            current = await cluster.get(ref)
            seen_at = loop.time()
            yield current
            version = current["metadata"]["resourceVersion"]
            stream = cluster.watch(ref.kind, ref.namespace, "", version)
            async with contextlib.aclosing(stream) as events:
                async for kind, manifest in events:
                    seen_at = loop.time()
                    if kind == "BOOKMARK" or manifest["metadata"]["name"] != ref.name:
                        continue
                    if kind == "DELETED":
                        return
                    yield manifest
        except Gone:
            continue  # The server has forgotten what followed that version: look anew.
        except (Unavailable, Unknown):
            if seen_at is None or loop.time() - seen_at > OUTAGE_SECONDS_MAX:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def picture_of(
    cluster: KubeCluster, ref: ObjectRef, rollout: Manifest | None = None
) -> tree.Picture:
    """Read a rollout, unless it is given, with its ReplicaSets and pods, and draw it."""
    rollout = rollout or await cluster.get(ref)
    selector = (rollout["spec"].get("selector") or {}).get("matchLabels") or {}
    words = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    sets, pods = await asyncio.gather(
        cluster.list(REPLICA_SET, ref.namespace, label_selector=words),
        cluster.list(POD, ref.namespace, label_selector=words),
    )
    return tree.draw(rollout, sets, pods, datetime.now(UTC))


async def _watch_tree(cluster: KubeCluster, ref: ObjectRef) -> int:
    if show.console().is_terminal:
        await _redraw(cluster, ref)
    else:
        async for rollout in follow(cluster, ref):
            show.put(show.render(await picture_of(cluster, ref, rollout)))
            print(flush=True)
    print(f"error: {ref} was deleted", file=sys.stderr)
    return 1


async def _redraw(cluster: KubeCluster, ref: ObjectRef) -> None:
    """Keep one picture on the screen, up to date, until the rollout is deleted."""
    from rich.live import Live

    changed = asyncio.Event()
    latest = await cluster.get(ref)

    async def notice() -> None:
        nonlocal latest
        async for rollout in follow(cluster, ref):
            latest = rollout
            changed.set()

    watcher = asyncio.create_task(notice())
    try:
        picture = show.render(await picture_of(cluster, ref, latest))
        with Live(picture, console=show.console(), auto_refresh=False) as live:
            while not watcher.done():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), REDRAW_SECONDS)
                changed.clear()
                picture = show.render(await picture_of(cluster, ref, latest))
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
        items = [_shown(each) for each in rollouts]
        _dump({"apiVersion": "v1", "kind": "List", "items": items}, output)
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
    show.put(show.listing(columns, rows))
    return 0


def _row(rollout: Manifest) -> tuple[str, ...]:
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


def _shown(manifest: Manifest) -> Manifest:
    """Return an object without the bookkeeping that nobody reads."""
    metadata = {key: each for key, each in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def _dump(manifest: Manifest, output: str) -> None:
    if output == "json":
        import json

        print(json.dumps(manifest, indent=2, ensure_ascii=False))
        return
    from rollouts.api.documents import dump_yaml

    print(dump_yaml(manifest), end="")
