"""Hashes of pod templates and canary steps: the peer's, bit for bit, and our own for equality."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any

from rollouts.api.go_json import go_json
from rollouts.api.pod_defaults import FINISH, print_amount, print_resource
from rollouts.api.pod_schema import compile_structs
from rollouts.api.refs import Manifest

POD_TEMPLATE_HASH_LABEL = "rollouts-pod-template-hash"

_FNV_OFFSET = 2166136261
_FNV_PRIME = 16777619
_MASK = 0xFFFFFFFF

# Names made of these letters never spell a word. Go indexes them by the digit's character code.
_SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SAFE = {ord(digit): _SAFE_LETTERS[ord(digit) % len(_SAFE_LETTERS)] for digit in "0123456789"}

# Templates share most of their text: field names, `"Always"`, one namespace's image names. The
# effect of one such piece depends only on the lowest byte of the sum before it, so it is worth
# remembering. 16,384 entries are about 4 MB.
_PIECES = re.compile(rb'[^"]*"?[^"]*"?')
_PIECES_REMEMBERED = 16_384

_WIRE = compile_structs()
_DIGEST = compile_structs(quantity=print_amount, resource=print_resource, finish=FINISH)
_TEMPLATE_WIRE = _WIRE["PodTemplateSpec"]
_TEMPLATE_DIGEST = _DIGEST["PodTemplateSpec"]
_STEP_WIRE = _WIRE["CanaryStep"]


def pod_template_hash(template: Manifest, collision_count: int | None = None) -> str:
    """Return the hash that names a template's ReplicaSet.

    Args:
        template: as the user wrote it, without defaults.
        collision_count: `status.collisionCount`; None and 0 give different hashes.

    Source: the peer's utils/hash; FNV-1a over the JSON of the typed template.
    """
    total = _fnv1a(go_json(_TEMPLATE_WIRE(template)))
    if collision_count is not None:
        # Eight bytes, of which the peer fills four.
        total = _fnv1a((collision_count & _MASK).to_bytes(8, "little"), total)
    return _safe(total)


def steps_hash(steps: list[Any] | None) -> str:
    """Return the peer's hash of canary steps, which tells that the steps were edited.

    Absent and empty steps are the same to the peer and hash the word `null`.
    """
    return _safe(_fnv1a(go_json([_STEP_WIRE(step or {}) for step in steps] if steps else None)))


def template_digest(template: Manifest) -> str:
    """Return a digest that a template shares with its defaulted copy in a live ReplicaSet.

    It ignores what the API server fills in, how quantities are written, fields that pod
    templates do not have, and the hash label. Two templates with one digest make equal pods.
    """
    printed = _TEMPLATE_DIGEST(template)
    metadata = printed.get("metadata") if isinstance(printed, dict) else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    if isinstance(metadata, dict) and isinstance(labels, dict):
        # The printed copy is ours to change; a label map left empty equals none.
        labels.pop(POD_TEMPLATE_HASH_LABEL, None)
        if not labels:
            del metadata["labels"]
    return hashlib.blake2b(go_json(printed, sort_keys=True), digest_size=16).hexdigest()


def _safe(total: int) -> str:
    return str(total).translate(_SAFE)


def _fnv1a(text: bytes, total: int = _FNV_OFFSET) -> int:
    """Return the 32-bit FNV-1a sum of `text`, going on from `total`.

    Byte by byte this is too slow in Python. A step is `(total ^ byte) * prime`; the byte touches
    the lowest eight bits alone, so a whole piece of text is `total * factor + addend`, where the
    addend depends on the piece and those eight bits.
    """
    for piece in _PIECES.findall(text):
        factor, addend = _effect(piece, total & 0xFF)
        total = (total * factor + addend) & _MASK
    return total


@lru_cache(maxsize=_PIECES_REMEMBERED)
def _effect(piece: bytes, low: int) -> tuple[int, int]:
    total = low
    for byte in piece:
        total = ((total ^ byte) * _FNV_PRIME) & _MASK
    factor = pow(_FNV_PRIME, len(piece), _MASK + 1)
    return factor, (total - low * factor) & _MASK
