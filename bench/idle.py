"""What a thousand Rollouts cost that nobody changes."""

from __future__ import annotations

import time

from bench import crowds
from bench.calls import tally
from bench.figures import Figure, Report, Target
from bench.laboratory import Laboratory

RSS_MIB_MAX = 150.0
CPU_PERCENT_MAX = 1.0

SETTLING_SECONDS = 5.0


def run(*, quick: bool) -> Report:
    """Start a controller over a thousand healthy Rollouts, and leave it alone."""
    window_seconds = 20.0 if quick else 60.0
    template = crowds.make_template(is_paused=False)
    with Laboratory(pod_ready_seconds=None) as laboratory:
        laboratory.copy(template, crowds.namespaces("idle", crowds.SIZE))
        laboratory.settle()
        with laboratory.controller() as controller:
            laboratory.wait_until(
                controller.is_ready, at_most=30, what="the controller to be ready"
            )
            laboratory.wait_until_quiet(SETTLING_SECONDS, at_most=30)
            since, cpu = laboratory.call_count(), controller.cpu_seconds()
            time.sleep(window_seconds)
            cpu = controller.cpu_seconds() - cpu
            calls = laboratory.calls(since)
            settled, peak = controller.memory_mib()
        before = tally(laboratory.calls()[:since])
    counted = tally(calls)
    others = counted.writes + counted.events + counted.reads + counted.watches
    details = [
        (
            f"idle: {crowds.SIZE:,} Rollouts, left alone for {window_seconds:g} s;"
            f" {counted.leases} calls for the Lease are not counted"
        ),
        f"  starting took {before.reads} reads, {before.watches} watches, {before.writes} writes",
    ]
    details += [f"  {call.verb} {call.subject}" for call in calls if call.resource != "leases"][:5]
    return Report(
        (
            Figure("idle", "memory, settled", settled, "MiB", Target("<", RSS_MIB_MAX)),
            Figure("idle", "memory, peak", peak, "MiB", Target("<", RSS_MIB_MAX)),
            Figure(
                "idle",
                "processor, of one core",
                100 * cpu / window_seconds,
                "%",
                Target("<", CPU_PERCENT_MAX),
            ),
            Figure("idle", "API calls besides the Lease", others, "", Target("=", 0)),
        ),
        tuple(details),
    )
