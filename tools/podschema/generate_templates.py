# ruff: noqa: INP001  # a script, not a package
"""Write random pod templates, for `podschema templates` to add what Go makes of them.

Run from the repository's root: .venv/bin/python tools/podschema/generate_templates.py OUT.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from rollouts.api.pod_schema import STRUCTS

COUNT = 160
# Longer templates add length, not variety.
TEXT_LENGTH_MAX = 6000

TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "app", "Always", "TCP", "v1", "<&>", "\u2028", "\x00\x1f\x7f", "é🚀"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
QUANTITIES = st.one_of(
    st.integers(-(10**6), 10**12),
    st.from_regex(r"\A[0-9]{1,4}(\.[0-9]{1,4})?(m|u|n|k|M|G|T|Ki|Mi|Gi|Ti|e[0-9])?\Z"),
)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "s": TEXTS,
    "i": st.one_of(st.sampled_from([0, 1, 3, 10, 30, 80, 420]), st.integers(-(2**31), 2**31 - 1)),
    "b": st.booleans(),
    "q": QUANTITIES,
    "x": st.one_of(st.integers(0, 65535), TEXTS),
    "t": st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)),
    "r": st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(0, 9), st.none()), max_size=2),
}


def values(code: str) -> st.SearchStrategy[Any]:
    """Return a strategy for one type code of the table."""
    if code[0] == "*":
        return values(code[1:])
    if code.startswith("[]"):
        return st.lists(or_null(values(code[2:])), max_size=2)
    if code.startswith("{}"):
        return st.dictionaries(TEXTS, or_null(values(code[2:])), max_size=3)
    return st.deferred(lambda: structs(code)) if code in STRUCTS else LEAVES[code]


def or_null(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Add a null now and then."""
    return st.integers(0, 15).flatmap(lambda one: st.none() if one == 0 else strategy)


@st.composite
def structs(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw some fields of a struct, in any order, sometimes with one that it does not have."""
    fields = STRUCTS[name]
    always = {"containers", "spec", "metadata", "labels", "image"}
    chosen = draw(st.lists(st.sampled_from(fields), max_size=4, unique=True))
    chosen += [field for field in fields if field.name in always and field not in chosen]
    drawn = {field.name: draw(or_null(values(field.code))) for field in chosen}
    if draw(st.integers(0, 20)) == 0:
        drawn["unknownField"] = draw(TEXTS)
    return drawn


def main() -> None:
    """Collect the templates and write them as cases."""
    found: dict[str, Any] = {}

    @seed(20240229)
    @settings(
        max_examples=COUNT * 4,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(structs("PodTemplateSpec"))
    def collect(template: dict[str, Any]) -> None:
        text = json.dumps(template, ensure_ascii=False)
        if 200 < len(text) < TEXT_LENGTH_MAX and len(found) < COUNT:
            found[text] = template

    collect()
    cases = [
        {"name": f"generated {index}", "template": template}
        for index, template in enumerate(found.values())
    ]
    Path(sys.argv[1]).write_text(json.dumps(cases, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
