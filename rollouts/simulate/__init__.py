"""Deterministic simulation: the production reconcile, call by call, in virtual time.

Law of the room: one process, one thread, no event loop, no real clock. Nothing happens except
what the scheduler takes from its heap; everything random comes from one seed through child
generators, one per actor; everything is built from one `World`, so that no memory survives a
simulated crash. The world is the embedded cluster's store plus actors (pods, people, faults);
the controller is one more actor, and the simulator answers its awaits.

    world      wires a run together          run        mischief, calm, rest; `simulate`
    process    one controller and its queue  driver     one coroutine, call by call
    feed       how news reaches it           faults     what goes wrong, `incidents` by itself
    workload   draws scenarios               people     do what they say; `tender` ends them well
    oracles    judge every write             settled    judges the world at rest

What judges (`share`, `asked`, `ledger`, `deed`, the `*_rules`, `oracles`, `settled`, `ghosts`)
reads the store, never imports a planner and is meant to be read and believed on its own.
`forecast` uses the same parts without faults to tell what a Rollout will do.
"""

from __future__ import annotations

from rollouts.simulate.run import Outcome, simulate

__all__ = ["Outcome", "simulate"]
