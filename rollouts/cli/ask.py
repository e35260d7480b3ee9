"""`promote`, `abort`, `retry`, `pause`, `resume`, `undo` and `restart`: ask the controller.

Each command writes one annotation, as `kubectl annotate` would, and then waits a moment to see
what the controller made of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from dataclasses import dataclass

from rollouts.api.refs import EVENT, ROLLOUT, Manifest, ObjectRef
from rollouts.cli.answer import PREFIX, find_refusal, is_carried_out, is_waiting
from rollouts.cli.session import add_cluster_flags, run
from rollouts.kube.errors import Forbidden
from rollouts.kube.rest import KubeCluster

ANSWER_SECONDS_MAX = 5.0
"""How long to wait for the controller to take a request up."""

EVENT_SECONDS_MAX = 2.0
"""How long to wait for the Event that says why a request was refused."""

POLL_SECONDS = 0.1

INVALID = "InvalidSpec"
"""How the message of a Rollout begins that the controller refuses to work on."""


@dataclass(frozen=True, slots=True)
class Command:
    """One verb of the command line and the annotation it writes."""

    name: str
    verb: str
    help: str
    done: str


COMMANDS = (
    Command("promote", "promote", "go past the current pause or step", "promoted"),
    Command("abort", "abort", "stop the update and return all traffic to stable", "aborted"),
    Command("retry", "retry", "start an aborted update again from its first step", "retried"),
    Command("pause", "pause", "hold the rollout where it is", "paused"),
    Command("resume", "pause", "go on with a rollout that was paused", "resumed"),
    Command("undo", "rollback", "put a former revision's template back", "rolled back"),
    Command("restart", "restart", "replace all pods, a few at a time", "restarted"),
)


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add one parser for each verb."""
    for command in COMMANDS:
        parser = subparsers.add_parser(command.name, help=command.help)
        parser.add_argument("name", help="name of the Rollout")
        _add_own_flags(parser, command.name)
        parser.add_argument(
            "--no-wait", action="store_true", help="do not wait for the controller's answer"
        )
        add_cluster_flags(parser)
        parser.set_defaults(run=run_request, command=command)


def _add_own_flags(parser: argparse.ArgumentParser, name: str) -> None:
    if name == "promote":
        parser.add_argument("--full", action="store_true", help="skip all remaining steps")
    if name == "abort":
        parser.add_argument("--reason", default="", help="shown in the rollout's message")
    if name == "undo":
        parser.add_argument(
            "--to-revision", type=int, default=0, help="revision number; default: the previous one"
        )
    if name == "restart":
        parser.add_argument("--at", default="", help="RFC 3339 time; default: now")


def value_of(args: argparse.Namespace) -> str:
    """Return what the annotation says."""
    name = args.command.name
    if name == "promote" and args.full:
        return "full"
    if name == "abort" and args.reason:
        return str(args.reason)
    if name == "resume":
        return "false"
    if name == "undo":
        return str(args.to_revision) if args.to_revision else "previous"
    if name == "restart" and args.at:
        return str(args.at)
    return "true"


def run_request(args: argparse.Namespace) -> int:
    """Write the annotation, and report what the controller answers."""
    command: Command = args.command

    async def work(cluster: KubeCluster, namespace: str) -> int:
        ref = ObjectRef(ROLLOUT, namespace, args.name)
        value = value_of(args)
        body = {"metadata": {"annotations": {f"{PREFIX}{command.verb}": value}}}
        asked = await cluster.patch(ref, body)
        if args.no_wait:
            print(f"{ref}: asked to {command.name}")
            return 0
        objection = await _objection(cluster, ref, command.verb, value, asked=asked)
        if objection:
            print(f"error: {ref}: {objection}", file=sys.stderr)
            return 1
        print(f"{ref}: {command.done}")
        return 0

    return run(args, work)


async def _objection(
    cluster: KubeCluster, ref: ObjectRef, verb: str, value: str, *, asked: Manifest
) -> str:
    """Return why a request was not carried out; empty when it was."""
    now = await _taken_up(cluster, ref, verb)
    if is_waiting(now, verb):
        return _why_it_waits(now, verb)
    loop = asyncio.get_running_loop()
    end = loop.time() + EVENT_SECONDS_MAX
    while not is_carried_out(verb, value, asked=asked, now=now):
        # Events are sent behind the writes they are about.
        with contextlib.suppress(Forbidden):
            events = await cluster.list(EVENT, ref.namespace)
            why = find_refusal(events, verb, value, asked=asked)
            if why:
                return why
        if loop.time() >= end:
            return "the request is gone, but nothing shows that it was carried out"
        await asyncio.sleep(POLL_SECONDS)
        now = await cluster.get(ref)
    return ""


async def _taken_up(cluster: KubeCluster, ref: ObjectRef, verb: str) -> Manifest:
    """Wait a while until a controller has finished with the request; return the object then."""
    loop = asyncio.get_running_loop()
    end = loop.time() + ANSWER_SECONDS_MAX
    while True:
        now = await cluster.get(ref)
        if loop.time() >= end or not is_waiting(now, verb):
            return now
        await asyncio.sleep(POLL_SECONDS)


def _why_it_waits(now: Manifest, verb: str) -> str:
    tail = f"the request stays on the object as annotation {PREFIX}{verb}"
    message = str((now.get("status") or {}).get("message") or "")
    if message.startswith(INVALID):
        return f"an invalid Rollout is left alone until its spec is corrected; {tail}; {message}"
    return f"no controller has taken the request up in {ANSWER_SECONDS_MAX:g} s; {tail}"
