"""The emulator answers any stream of requests as a true API server does, step by step."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest
from contract.kinds import NAMESPACES
from contract.streams import PATCHES, REASONS, SUBRESOURCES, VERBS, Plain, Side, draw

STREAMS = 60
STEPS = 40

pytestmark = pytest.mark.real


@pytest.fixture
def both(back_ends):
    return back_ends.named("http"), back_ends.named("real")


def test_both_answer_alike(both):
    """A difference is a mistake of the emulator; the last line printed is the request."""
    seen: Counter[str] = Counter()
    for seed in range(STREAMS):
        _run(both, seed, seen)

    missing = [each for each in (*VERBS, *PATCHES, *REASONS, *SUBRESOURCES) if not seen[each]]
    assert missing == [], "the streams are too short to have tried everything"


def _run(both, seed: int, seen: Counter[str]) -> None:
    random, namespace = Random(seed), f"stream-{seed}"
    for api in both:
        api.create(NAMESPACES, "", {"metadata": {"name": namespace}})
    sides, plain = [Side(api, namespace) for api in both], (Plain(), Plain())
    steps = []
    for _ in range(STEPS):
        step = draw(random)
        steps.append(str(step))
        answers = [side.send(step) for side in sides]
        seen.update((step.verb, step.patch_type, step.subresource, answers[1][0]))
        worlds = [side.all(step.kind) for side in sides]
        told = [
            json.dumps(each.of([answer, world]), sort_keys=True, indent=1)
            for each, answer, world in zip(plain, answers, worlds, strict=True)
        ]
        assert told[0].splitlines() == told[1].splitlines(), f"seed {seed}: " + "\n".join(steps)
