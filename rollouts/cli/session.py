"""One command's connection: flags every command shares, errors in plain words, exit codes."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import yaml

from rollouts.kube.client import connect
from rollouts.kube.errors import ClusterError
from rollouts.kube.rest import KubeCluster

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def add_cluster_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which cluster and namespace are meant."""
    group = parser.add_argument_group("cluster")
    group.add_argument("--kubeconfig", default="", help="path of the kubeconfig file")
    group.add_argument("--context", default="", help="context of the kubeconfig")
    group.add_argument(
        "-n", "--namespace", default="", help="namespace; default: the context's own"
    )


def add_timeout_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says when to give up."""
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=0.0,
        help="give up after this time, such as 5m; 0: never",
    )


def _seconds(text: str) -> float:
    from rollouts.api.times import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from error


def run(args: argparse.Namespace, work: Callable[[KubeCluster, str], Awaitable[int]]) -> int:
    """Connect, work, and turn failures into one line on standard error and exit code 1."""

    async def session() -> int:
        namespace = args.namespace or default_namespace(args.kubeconfig, args.context)
        async with await connect(kubeconfig=args.kubeconfig, context=args.context) as cluster:
            return await work(cluster, namespace)

    try:
        return asyncio.run(session())
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def default_namespace(kubeconfig: str, context: str) -> str:
    """Return the namespace of the context, `default` when it names none."""
    paths = (kubeconfig or os.environ.get("KUBECONFIG", "")).split(os.pathsep)
    files = [Path(path).expanduser() for path in paths if path] or [
        Path("~/.kube/config").expanduser()
    ]
    for path in files:
        try:
            document = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError):
            continue  # Connecting will say what is wrong with it.
        found = _namespace_of(document, context) if isinstance(document, dict) else ""
        if found:
            return found
    if SERVICE_ACCOUNT_NAMESPACE.exists():
        return SERVICE_ACCOUNT_NAMESPACE.read_text().strip()
    return "default"


def _namespace_of(document: dict[str, object], context: str) -> str:
    wanted = context or document.get("current-context")
    contexts = document.get("contexts")
    for each in contexts if isinstance(contexts, list) else ():
        if isinstance(each, dict) and each.get("name") == wanted:
            return str((each.get("context") or {}).get("namespace") or "")
    return ""
