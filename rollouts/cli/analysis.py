"""`analysis get`, `list`, `watch` and `terminate`: look at AnalysisRuns, and end them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from datetime import UTC, datetime

from rollouts.api.refs import ANALYSIS_RUN, Manifest, ObjectRef
from rollouts.cli import show
from rollouts.cli.following import follow
from rollouts.cli.output import dump, shown
from rollouts.cli.session import add_cluster_flags, add_timeout_flag, run
from rollouts.kube.rest import KubeCluster

SUCCESSFUL, FAILED, INCONCLUSIVE = 0, 1, 3
"""Exit codes of what follows a run to its end; 2 is misuse, as with all commands."""

ANSWER_SECONDS_MAX = 5.0
"""How long to wait for the controller to end a run."""

REDRAW_SECONDS = 1.0
"""How often a watched picture is redrawn although nothing changed: countdowns move."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `analysis` and what it can do."""
    parser = subparsers.add_parser(
        "analysis", help="look at AnalysisRuns and end them: get, list, watch, terminate"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_get(actions)
    _add_list(actions)
    _add_watch(actions)
    _add_terminate(actions)


def _add_get(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    get = actions.add_parser(
        "get", help="show a run with its metrics, measurements and what is awaited"
    )
    get.add_argument("name", help="name of the AnalysisRun")
    get.add_argument(
        "-o",
        "--output",
        choices=("picture", "json", "yaml"),
        default="picture",
        help="default: picture",
    )
    add_cluster_flags(get)
    get.set_defaults(run=run_get)


def _add_list(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = actions.add_parser("list", help="list the runs of a namespace, or of all")
    listing.add_argument("--rollout", default="", help="only the runs of this Rollout")
    listing.add_argument(
        "-A", "--all-namespaces", action="store_true", help="list in all namespaces"
    )
    listing.add_argument(
        "-o",
        "--output",
        choices=("table", "wide", "name", "json", "yaml"),
        default="table",
        help="default: table",
    )
    add_cluster_flags(listing)
    listing.set_defaults(run=run_list)


def _add_watch(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    watch = actions.add_parser(
        "watch",
        help="follow a run to its end; exit 0 Successful, 1 Failed or Error, 3 Inconclusive",
    )
    watch.add_argument("name", help="name of the AnalysisRun")
    add_timeout_flag(watch)
    add_cluster_flags(watch)
    watch.set_defaults(run=run_watch)


def _add_terminate(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    terminate = actions.add_parser(
        "terminate", help="end a run; what was not proven by then is Inconclusive"
    )
    terminate.add_argument("name", help="name of the AnalysisRun")
    terminate.add_argument("--no-wait", action="store_true", help="do not wait for its end")
    add_cluster_flags(terminate)
    terminate.set_defaults(run=run_terminate)


def run_get(args: argparse.Namespace) -> int:
    """Show one run."""

    async def work(cluster: KubeCluster, namespace: str) -> int:
        found = await cluster.get(ObjectRef(ANALYSIS_RUN, namespace, args.name))
        if args.output == "picture":
            _draw(found)
        else:
            dump(shown(found), args.output)
        return 0

    return run(args, work)


def _draw(manifest: Manifest) -> None:
    from rollouts.cli.run_picture import draw_run
    from rollouts.cli.run_view import view_run

    now = datetime.now(UTC)
    show.put(show.render_run(draw_run(view_run(manifest, now), now)))


def run_list(args: argparse.Namespace) -> int:
    """List runs, the newest first."""
    from rollouts.cli.run_view import owner_of

    async def work(cluster: KubeCluster, namespace: str) -> int:
        place = "" if args.all_namespaces else namespace
        found = await cluster.list(ANALYSIS_RUN, place)
        if args.rollout:
            found = [each for each in found if owner_of(each) == args.rollout]
        found.sort(key=_age_order)
        if args.output in {"json", "yaml"}:
            items = [shown(each) for each in found]
            dump({"apiVersion": "v1", "kind": "List", "items": items}, args.output)
        elif args.output == "name":
            for each in found:
                print(
                    f"{ANALYSIS_RUN.kind.lower()}.{ANALYSIS_RUN.group}/{each['metadata']['name']}"
                )
        elif found:
            _table(found, with_namespace=not place, is_wide=args.output == "wide")
        else:
            of = f" of Rollout {args.rollout}" if args.rollout else ""
            where = f"namespace {place}" if place else "any namespace"
            print(f"no analysis runs{of} in {where}", file=sys.stderr)
        return 0

    return run(args, work)


def _age_order(manifest: Manifest) -> tuple[str, float, str]:
    """Return what puts the namespaces in order and in each of them the newest run first."""
    from rollouts.analysis.results import read_time

    metadata = manifest["metadata"]
    made = read_time(metadata.get("creationTimestamp"))
    return metadata["namespace"], -made.timestamp() if made else 0.0, metadata["name"]


def _table(found: list[Manifest], *, with_namespace: bool, is_wide: bool) -> None:
    from rollouts.cli.run_picture import COLUMNS, KIND, WIDE_COLUMNS, list_row
    from rollouts.cli.run_view import view_run

    now = datetime.now(UTC)
    columns = list(WIDE_COLUMNS if is_wide else COLUMNS)
    at = columns.index("STATUS")
    rows = []
    for each in found:
        row = list_row(view_run(each, now), now, is_wide=is_wide)
        namespace = (each["metadata"]["namespace"],) if with_namespace else ()
        rows.append((*namespace, *row[:at], show.status_text(row[at], KIND), *row[at + 1 :]))
    if with_namespace:
        columns.insert(0, "NAMESPACE")
    show.put_list(columns, rows)


def run_watch(args: argparse.Namespace) -> int:
    """Follow a run to its end."""

    async def work(cluster: KubeCluster, namespace: str) -> int:
        ref = ObjectRef(ANALYSIS_RUN, namespace, args.name)
        return await watch_run(cluster, ref, timeout_seconds=args.timeout)

    return run(args, work)


async def watch_run(cluster: KubeCluster, ref: ObjectRef, *, timeout_seconds: float = 0.0) -> int:
    """Show a run as it changes until it ends; return the exit code that its end deserves."""
    follow_it = _redraw if show.console().is_terminal else _tell
    try:
        async with asyncio.timeout(timeout_seconds or None):
            last = await follow_it(cluster, ref)
    except TimeoutError:
        print(f"error: {ref} has not ended after {timeout_seconds:g} s", file=sys.stderr)
        return FAILED
    if last is None:
        print(f"error: {ref} was deleted", file=sys.stderr)
        return FAILED
    phase = _phase(last)
    if phase != "Successful":
        print(f"error: {ref} is {phase}", file=sys.stderr)
    return {"Successful": SUCCESSFUL, "Inconclusive": INCONCLUSIVE}.get(phase, FAILED)


def _phase(manifest: Manifest) -> str:
    from rollouts.analysis.phase import read_phase

    return read_phase((manifest.get("status") or {}).get("phase")).value


def _has_ended(manifest: Manifest) -> bool:
    from rollouts.analysis.phase import Phase

    return Phase(_phase(manifest)).is_finished


async def _tell(cluster: KubeCluster, ref: ObjectRef) -> Manifest | None:
    """Print a line for each measurement and each verdict; return the run at its end."""
    from rollouts.cli.run_story import tell

    before: Manifest | None = None
    async with contextlib.aclosing(follow(cluster, ref)) as states:
        async for manifest in states:
            for line in tell(before, manifest):
                print(line, flush=True)
            before = manifest
            if _has_ended(manifest):
                return manifest
    return None


async def _redraw(cluster: KubeCluster, ref: ObjectRef) -> Manifest | None:
    """Keep one picture on the screen, up to date; return the run at its end."""
    from rich.live import Live

    from rollouts.cli.run_picture import draw_run
    from rollouts.cli.run_view import view_run

    changed = asyncio.Event()
    latest = await cluster.get(ref)

    async def notice() -> Manifest | None:
        nonlocal latest
        async with contextlib.aclosing(follow(cluster, ref)) as states:
            async for manifest in states:
                latest = manifest
                changed.set()
                if _has_ended(manifest):
                    return manifest
        return None

    watcher = asyncio.create_task(notice())
    watcher.add_done_callback(lambda _: changed.set())
    try:
        with Live(console=show.console(), auto_refresh=False) as live:
            while True:
                is_done = watcher.done()
                now = datetime.now(UTC)
                live.update(show.render_run(draw_run(view_run(latest, now), now)), refresh=True)
                if is_done:
                    return watcher.result()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), REDRAW_SECONDS)
                changed.clear()
    finally:
        watcher.cancel()


def run_terminate(args: argparse.Namespace) -> int:
    """Ask for the end of a run, if that is still to be asked for, and report it."""

    async def work(cluster: KubeCluster, namespace: str) -> int:
        ref = ObjectRef(ANALYSIS_RUN, namespace, args.name)
        found = await cluster.get(ref)
        if _has_ended(found):
            print(f"{ref}: has already ended: {_phase(found)}")
            return 0
        if (found.get("spec") or {}).get("terminate") is not True:
            await cluster.patch(ref, {"spec": {"terminate": True}})
        if args.no_wait:
            print(f"{ref}: asked to end")
            return 0
        return await _await_end(cluster, ref)

    return run(args, work)


async def _await_end(cluster: KubeCluster, ref: ObjectRef) -> int:
    """Wait a while for the end of a run, and say how it has ended and what follows."""
    from rollouts.cli.run_lines import say_choice
    from rollouts.cli.run_view import owner_of

    try:
        async with (
            asyncio.timeout(ANSWER_SECONDS_MAX),
            contextlib.aclosing(follow(cluster, ref)) as states,
        ):
            async for manifest in states:
                if _has_ended(manifest):
                    phase, owner = _phase(manifest), owner_of(manifest)
                    print(f"{ref}: terminated: {phase}")
                    if owner and phase == "Inconclusive":
                        print(say_choice(owner))
                    return 0
    except TimeoutError:
        print(
            f"error: {ref}: no controller has ended it in {ANSWER_SECONDS_MAX:g} s;"
            " spec.terminate stays true",
            file=sys.stderr,
        )
        return 1
    print(f"error: {ref} was deleted", file=sys.stderr)
    return 1
