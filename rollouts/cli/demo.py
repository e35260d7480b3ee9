"""`demo`: from a Git commit to a finished canary, live, on the embedded cluster."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rollouts.api.times import parse_duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from rollouts.api.refs import Kind, Manifest
    from rollouts.cli.demo_stage import Stage
    from rollouts.cli.laptop import Laptop

DEFAULT_PAUSE = "2s"
INTERRUPTED = 130
TIMELINE_LENGTH = 16
"""Lines of the timeline that a terminal shows below the tree."""

SCENARIOS = ("promote", "abort", "drift", "bad-commit", "crash", "bad-version", "good-version")
GATED = ("bad-version", "good-version")
"""Scenarios in which metrics decide."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `demo`."""
    parser = subparsers.add_parser(
        "demo", help="show a canary from a Git commit to its end, without a cluster"
    )
    parser.add_argument("--scenario", choices=SCENARIOS, default="promote")
    parser.add_argument(
        "--pause",
        type=_duration,
        default=DEFAULT_PAUSE,
        help="what stands for the example's pauses of ten minutes, and for the minute over which"
        " metrics are measured (default: %(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave it running and print a kubeconfig"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="loopback port of the API server (default: any)"
    )
    parser.set_defaults(run=run_demo)


def _duration(text: str) -> str:
    try:
        is_positive = parse_duration(text) > timedelta(0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from error
    if not is_positive:
        raise argparse.ArgumentTypeError(f"{text!r} is not longer than nothing; write 2s or 1m")
    return text


def run_demo(args: argparse.Namespace) -> int:
    """Run a scenario; 0 only if the API shows the promised end."""
    from rollouts.cli.demo_repository import GitFailed
    from rollouts.kube.errors import ClusterError

    with tempfile.TemporaryDirectory(prefix="rollouts-demo-") as directory:
        try:
            return asyncio.run(_perform(args, Path(directory)))
        except (ClusterError, GitFailed, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except (KeyboardInterrupt, asyncio.CancelledError):
            return INTERRUPTED


async def _perform(args: argparse.Namespace, directory: Path) -> int:
    from rollouts.cli.demo_repository import DemoRepository
    from rollouts.cli.demo_stage import Stage
    from rollouts.cli.laptop import Laptop

    repository = DemoRepository(directory)
    handle_signals = _end_by_signals()
    laptop = Laptop(
        directory,
        port=args.port,
        is_separate=args.scenario == "crash",
        restore_signals=handle_signals,
    )
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(laptop)
        handle_signals()
        screen = await stack.enter_async_context(_screen(laptop))
        screen.say(f"scenario {args.scenario}; {_shortened(args)}")
        stage = Stage(
            kube=laptop.kube,
            repository=repository,
            say=screen.say,
            check=laptop.check,
            pause=args.pause,
            restart=laptop.restart_process,
            patience=4 * parse_duration(args.pause).total_seconds(),
        )
        if args.scenario in GATED:
            stage = await stack.enter_async_context(_gated(stage, args.scenario, directory))
        if not await _tell(args.scenario, stage):
            return 1
        if args.keep:
            await _keep(laptop, screen)
    return 0


def _shortened(args: argparse.Namespace) -> str:
    if args.scenario in GATED:
        return f"what is measured over 1m is measured over {args.pause} here"
    return f"pauses of 10m are {args.pause} here"


async def _tell(scenario: str, stage: Stage) -> bool:
    """Tell a story; False when the API does not show what it promises."""
    from rollouts.cli.demo_stage import PromiseBroken, deploy_first_version
    from rollouts.cli.demo_story import STORIES

    try:
        await deploy_first_version(stage)
        await STORIES[scenario](stage)
    except PromiseBroken as broken:
        stage.say(f"BROKEN PROMISE: {broken}")
        return False
    stage.say("the API shows the promised end")
    return True


@contextlib.asynccontextmanager
async def _gated(stage: Stage, scenario: str, directory: Path) -> AsyncIterator[Stage]:
    """Let a stage have users, a workload and something that measures it."""
    from rollouts.cli.demo_gate import open_gate

    async with open_gate(
        stage.kube,
        stage.production,
        directory,
        scenario=scenario,
        pause=stage.pause,
        prometheus=shutil.which("prometheus"),
        say=stage.say,
    ) as gate:
        yield replace(stage, gate=gate)


def _end_by_signals() -> Callable[[], None]:
    """Return what lets signals end the demo in good order, with everything that it has started."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None, "called by the main task"

    def handle_signals() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)

    return handle_signals


async def _keep(laptop: Laptop, screen: Screen) -> None:
    screen.say(f"left running; in another terminal: export KUBECONFIG={laptop.kubeconfig}")
    screen.say("  kubectl get rollouts -n production -w      (Ctrl-C here ends it)")
    screen.say(f"  git clone {laptop.kubeconfig.parent / 'myapp.git'}      (push to it)")
    while True:
        laptop.check()
        await asyncio.sleep(0.5)


class Screen:
    """The live picture on a terminal, and plain lines when piped."""

    def __init__(self, laptop: Laptop, console: Console) -> None:
        self._laptop = laptop
        self._console = console
        self._started = datetime.now(UTC)
        self._lines: deque[str] = deque(maxlen=TIMELINE_LENGTH)
        self._known: dict[tuple[str, str], Manifest] = {}

    def say(self, text: str) -> None:
        """Add a line to the timeline."""
        elapsed = (datetime.now(UTC) - self._started).total_seconds()
        line = f"{elapsed:6.1f}s  {text}"
        self._lines.append(line)
        if not self._console.is_terminal:
            print(line, flush=True)

    async def listen(self, kind: Kind) -> None:
        """Turn the changes of one kind into lines, for as long as the demo runs."""
        from rollouts.cli.demo_timeline import changes

        stream = self._laptop.kube.watch(kind)
        async for event, manifest in stream:
            if event == "BOOKMARK":
                continue
            key = (kind.kind, manifest["metadata"]["name"])
            gone = event == "DELETED"
            for line in changes(self._known.get(key), None if gone else manifest):
                self.say(line)
            if gone:
                self._known.pop(key, None)
            else:
                self._known[key] = manifest

    async def draw(self) -> None:
        """Redraw the tree and the timeline a few times a second."""
        from rich.live import Live

        with Live(console=self._console, auto_refresh=False, screen=False) as live:
            try:
                while True:
                    live.update(await self._picture(), refresh=True)
                    await asyncio.sleep(0.25)
            finally:
                live.update(await self._picture(), refresh=True)

    async def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.panel import Panel
        from rich.text import Text

        from rollouts.api.refs import ROLLOUT, ObjectRef
        from rollouts.cli import show
        from rollouts.cli.demo_stage import NAME, PRODUCTION
        from rollouts.cli.read import picture_of
        from rollouts.kube.errors import ClusterError

        timeline = Panel(Text("\n".join(self._lines)), title="timeline", title_align="left")
        try:
            ref = ObjectRef(ROLLOUT, PRODUCTION, NAME)
            tree = show.render(await picture_of(self._laptop.kube, ref))
        except ClusterError:
            return timeline  # There is no rollout yet, or no longer a server.
        return Group(tree, "", timeline)


@contextlib.asynccontextmanager
async def _screen(laptop: Laptop) -> AsyncIterator[Screen]:
    from rollouts.api.refs import (
        ANALYSIS_RUN,
        APPLICATION,
        INGRESS,
        REPLICA_SET,
        ROLLOUT,
        SERVICE,
    )
    from rollouts.cli import show

    console = show.console()
    screen = Screen(laptop, console)
    kinds = (APPLICATION, ROLLOUT, REPLICA_SET, SERVICE, INGRESS, ANALYSIS_RUN)
    tasks = [asyncio.create_task(screen.listen(kind)) for kind in kinds]
    if console.is_terminal:
        tasks.append(asyncio.create_task(screen.draw()))
    try:
        yield screen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
