"""The emulator answers any stream of requests as a true API server does, step by step."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from random import Random

import pytest
from contract.kinds import NAMESPACES
from contract.streams import PATCHES, REASONS, SUBRESOURCES, VERBS, Plain, Side, draw

STREAMS = 45
STEPS = 40
EVERYTHING = (*VERBS, *PATCHES, *REASONS, *SUBRESOURCES)

pytestmark = [pytest.mark.real, pytest.mark.still]

_numbers = count(1)


@pytest.fixture
def both(back_ends):
    return back_ends.named("http"), back_ends.named("real")


def test_both_answer_alike(both):
    """A difference is a mistake of the emulator; the shortest stream that shows it is printed."""
    seen: Counter[str] = Counter()
    for seed in range(STREAMS):
        random = Random(seed)
        steps = [draw(random) for _ in range(STEPS)]
        told, done = _play(both, steps, seen)
        if told is not None:
            short = _reduce(both, steps[:done])
            listed = "\n".join(map(str, short))
            assert told[0] == told[1], f"seed {seed}, step {done}; in short:\n{listed}"

    missing = [each for each in EVERYTHING if not seen[each]]
    assert missing == [], "the streams are too short to have tried everything"


def _play(both, steps, seen):
    """Send steps until the answers differ: return those and how many steps it took, or None."""
    namespace = f"stream-{next(_numbers)}"
    for api in both:
        api.create(NAMESPACES, "", {"metadata": {"name": namespace}})
    sides, plain = [Side(api, namespace) for api in both], (Plain(), Plain())
    for number, step in enumerate(steps, start=1):
        answers = [side.send(step) for side in sides]
        seen.update((step.verb, step.patch_type, step.subresource, answers[1][0]))
        worlds = [side.all(step.kind) for side in sides]
        told = [
            json.dumps(each.of([answer, world]), sort_keys=True, indent=1).splitlines()
            for each, answer, world in zip(plain, answers, worlds, strict=True)
        ]
        if told[0] != told[1]:
            return told, number
    return None, len(steps)


def _reduce(both, steps):
    """Leave out each step that the difference at the last one does not need."""
    short = list(steps)
    for position in reversed(range(len(steps) - 1)):
        tried = short[:position] + short[position + 1 :]
        told, done = _play(both, tried, Counter())
        if told is not None and done == len(tried):
            short = tried
    return short
