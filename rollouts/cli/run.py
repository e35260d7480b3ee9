"""`rollouts run`: the controller."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollouts.controller.settings import Settings

GC_THRESHOLDS = (50_000, 20, 50)
"""The collector's defaults are made for small programs: each of its rounds looks at caches that
hold a hundred thousand objects, none of which is garbage."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "run",
        help="run the controller",
        description=(
            "Run the controller against the cluster of the current kubeconfig, or of the pod it"
            " runs in. Each flag can also be given as ROLLOUTS_<FLAG> in the environment."
        ),
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("--kubeconfig", metavar="PATH", help="kubeconfig file (default: as kubectl)")
    add("--context", metavar="NAME", help="context of the kubeconfig (default: its current one)")
    add("-n", "--namespace", metavar="NAME", help="the only namespace to work in (default: all)")
    add(
        "--instance-id",
        metavar="ID",
        help="work on objects labelled argo-rollouts.argoproj.io/controller-instance-id=ID;"
        " without it, on objects that have no such label",
    )
    add(
        "--workers",
        type=int,
        metavar="N",
        help="Rollouts worked on at once (default: 200; calls in flight have their own bound)",
    )
    add(
        "--gitops-workers",
        type=int,
        metavar="N",
        help="Applications and Kustomizations worked on at once (default: 8)",
    )
    add("--gitops", action=argparse.BooleanOptionalAction, help="serve GitOps objects too")
    add("--git-cache", metavar="DIR", help="directory for Git clones (default: a temporary one)")
    add(
        "--git-poll",
        type=float,
        metavar="SECONDS",
        help="time between two looks at an Application's repository (default: 60)",
    )
    _add_metric_flags(parser)
    _add_process_flags(parser)


def _add_metric_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--prometheus-address",
        metavar="URL",
        help="Prometheus that metrics without an address ask"
        " (also by ARGO_ROLLOUTS_PROMETHEUS_ADDRESS)",
    )
    add(
        "--metric-allowed-addresses",
        metavar="LIST",
        help="hosts, *.suffix, addresses and CIDRs that metrics may be fetched from, separated by"
        " commas (default: *, every host without a special address)",
    )
    add(
        "--metric-ca-file",
        metavar="PATH",
        help="PEM authorities that metric providers trust beside the system's",
    )


def _add_process_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--leader-elect",
        action=argparse.BooleanOptionalAction,
        help="work only while holding a Lease (default: yes)",
    )
    add("--lease-namespace", metavar="NAME", help="namespace of the Lease (default: our own)")
    for name, default in (("lease-duration", 10), ("renew-deadline", 7), ("retry-period", 2)):
        add(f"--{name}", type=float, metavar="SECONDS", help=f"of the Lease (default: {default})")
    add(
        "--metrics-port",
        "--metricsPort",
        type=int,
        metavar="PORT",
        help="port of /metrics, 0 for none (default: 8090)",
    )
    add(
        "--health-port",
        "--healthzPort",
        type=int,
        metavar="PORT",
        help="port of /healthz and /readyz, 0 for none (default: 8080)",
    )
    add("--log-level", "--loglevel", choices=("debug", "info", "warning", "error"))
    add("--log-format", "--logformat", choices=("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Run the controller until SIGTERM or SIGINT; 0 after a good end, 1 when it cannot work."""
    from rollouts.controller.settings import BadSettings, read_settings
    from rollouts.telemetry.logs import set_up

    try:
        settings = read_settings(args)
    except BadSettings as error:
        print(f"rollouts run: {error}", file=sys.stderr)
        return 1
    set_up(level=settings.log_level, log_format=settings.log_format)
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    from rollouts.controller.app import Controller
    from rollouts.controller.metric_sources import make_analysis_loop
    from rollouts.kube.errors import ClusterError

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle_signals() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

    handle_signals()
    analysis = make_analysis_loop(settings.providers)
    if settings.gitops:
        from rollouts.controller.gitops_loop import GitOpsLoop

        gitops = GitOpsLoop(poll=timedelta(seconds=settings.git_poll))
        controller = Controller(
            settings,
            extensions=(analysis.install, gitops.install),
            apps=gitops.samples,
            runs=analysis.samples,
            restore_signals=handle_signals,
        )
    else:
        controller = Controller(
            settings,
            extensions=(analysis.install,),
            runs=analysis.samples,
            restore_signals=handle_signals,
        )
    try:
        await controller.run(stop)
    except (ClusterError, OSError) as error:
        print(f"rollouts run: {error}", file=sys.stderr)
        return 1
    finally:
        await analysis.close()
        # kopf leaves generators behind that cannot be closed; the loop would report that last.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return 0


def _loop_factory() -> Any:
    """Return uvloop's loop where there is one; the standard loop does the same work."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
