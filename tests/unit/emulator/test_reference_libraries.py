"""The server's own libraries were asked; these are their answers, and ours must be the same.

`reference_cases.json` holds random documents and what the Go libraries behind the real server
(client-go 0.34: typed decoding, strategicpatch, json-patch v4, managedfields) made of them.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from rollouts.emulator.apply import apply_configuration
from rollouts.emulator.builtin_model import BuiltinModel
from rollouts.emulator.builtins import BUILTIN_TYPES
from rollouts.emulator.decoding import Decoder
from rollouts.emulator.engine import Request
from rollouts.emulator.errors import ApiError
from rollouts.emulator.ownership import track_update
from rollouts.emulator.patches import json_patch
from rollouts.emulator.strategic import strategic_merge
from rollouts.emulator.wire import root_type

NOW = "2026-01-01T00:00:00Z"
CASES = json.loads(Path(__file__).with_name("reference_cases.json").read_text())
TYPES = {(rt.api_version, rt.kind): rt for rt in BUILTIN_TYPES}


def numbered(name):
    return [pytest.param(case, id=str(number)) for number, case in enumerate(CASES[name])]


def type_of(case):
    rt = TYPES[(case["apiVersion"], case["kind"])]
    return rt, root_type(rt.group, rt.kind)


@pytest.mark.parametrize("case", numbered("decoding"))
def test_an_object_is_kept_as_the_typed_decoder_keeps_it(case):
    rt, root = type_of(case)

    assert case["kept"] == Decoder(rt, {}).decode(root, case["given"], None)


@pytest.mark.parametrize("case", numbered("strategic"))
def test_a_strategic_merge_patch_gives_what_the_library_gives(case):
    _, root = type_of(case)

    assert case["result"] == strategic_merge(root, case["given"], case["patch"])


@pytest.mark.parametrize("case", numbered("json"))
def test_a_json_patch_gives_what_the_library_gives(case):
    before = copy.deepcopy(case["given"])
    try:
        result = {"result": json_patch(case["given"], case["patch"])}
    except ApiError:
        result = {}

    expected = {"result": case["result"]} if "result" in case else {}
    assert expected == result
    assert before == case["given"]


def without_times(manifest):
    metadata = dict(manifest["metadata"])
    entries = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in metadata.pop("managedFields", [])
    ]
    if entries:
        metadata["managedFields"] = sorted(
            entries, key=lambda entry: (entry["operation"], entry["manager"])
        )
    return {**manifest, "metadata": metadata}


def take_step(model, live, step):
    request = Request("patch", model.rt, "default", "x", field_manager=step["manager"])
    given = step["object"]
    if step["type"] == "apply":
        made = apply_configuration(model, live, given, request, force=step["force"], now=NOW)
        return Decoder(model.rt, {}).decode(model.root, made, None)
    if live is not None and "managedFields" in live["metadata"]:
        fields = live["metadata"]["managedFields"]
        given = {**given, "metadata": {**given["metadata"], "managedFields": fields}}
    blank = model.blank() if live is None else None
    return track_update(model.root, given, live, blank=blank, request=request, now=NOW)


@pytest.mark.parametrize("case", numbered("apply"))
def test_applies_and_updates_share_fields_as_in_the_library(case):
    rt, _ = type_of(case)
    model = BuiltinModel(rt)
    model.has_status = False  # The library was asked without the rules of subresources.
    live = None
    for step, expected in zip(case["steps"], case["states"], strict=True):
        if "error" in expected:
            with pytest.raises(ApiError) as caught:
                take_step(model, live, step)
            assert expected["error"] == caught.value.message
            continue
        live = take_step(model, live, step)
        assert without_times(expected) == without_times(live)
