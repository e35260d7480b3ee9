"""What is written reads back the same, here and elsewhere."""

import pytest
import yaml
from effort import EFFORT
from hypothesis import given, settings
from hypothesis import strategies as st

from rollouts.api.documents import dump_yaml, read_documents

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
TRICKY = st.text(st.sampled_from("ab \n:#-'\"|>%@`&*!?,[]{}\t\\~yn01._="))
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(-1e15, 1e15),  # beyond 2^53 a whole float is read back as the integer Go prints
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, TRICKY),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.one_of(TEXTS, TRICKY), inner)
    ),
)  # fmt: skip


def read(text):
    return [document.manifest for document in read_documents(text)]


@given(VALUES, st.booleans())
@settings(max_examples=60 * EFFORT)
def test_any_json_reads_back_the_same(value, sort_keys):
    text = dump_yaml(value, sort_keys=sort_keys)

    assert read(text) == ([] if value is None else [value])


@given(st.dictionaries(TRICKY, TRICKY))
def test_other_readers_see_the_same_texts(value):
    assert yaml.safe_load(dump_yaml(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "yes",
            "y",
            "null",
            "~",
            "1",
            "1.10",
            "010",
            "0o7",
            "1_000",
            "1e3",
            ".5",
            ".inf",
        ),
        *(
            "2024-01-01",
            "1:30",
            "0x1F",
            "<<",
            "=",
            "- a",
            "a: b",
            "#",
            "*a",
            "!x",
            "%",
            "@",
            "{{ x }}",
        ),
        *("tab\there", "line\n", "\nline", "trailing \nspace", "  leading\nspaces", "\n", "\n\n"),
        *("...", "---", "...\n", "--- x\n", "a\r\nb", "a\u2028b", "a\x85b", "\ufeff", "\x00"),
        *("é🚀", "x" * 300),
    ],
)
def test_texts_stay_texts(text):
    value = {"a": text, f"key {text}": [text]}

    assert read(dump_yaml(value)) == [value]
    assert read(dump_yaml(text)) == [text]


def test_a_manifest_is_written_in_block_style_with_sorted_keys():
    manifest = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "web", "labels": {}},
        "data": {"on": "yes", "script": "#!/bin/sh\nset -e\n", "long": "word " * 40 + "end"},
        "list": [1, {"b": None, "a": True}, [], [["x"]]],
    }

    assert dump_yaml(manifest) == (
        "apiVersion: v1\n"
        "data:\n"
        f"  long: {'word ' * 40}end\n"
        '  "on": "yes"\n'
        "  script: |\n"
        "    #!/bin/sh\n"
        "    set -e\n"
        "kind: ConfigMap\n"
        "list:\n"
        "- 1\n"
        "- a: true\n"
        "  b: null\n"
        "- []\n"
        "- - - x\n"
        "metadata:\n"
        "  labels: {}\n"
        "  name: web\n"
    )


def test_the_order_of_keys_is_kept_on_request():
    assert dump_yaml({"b": 1, "a": 2}, sort_keys=False) == "b: 1\na: 2\n"
    assert dump_yaml({"b": 1, "a": 2}) == "a: 2\nb: 1\n"


def test_a_single_value_is_a_document_of_one_line():
    assert dump_yaml(value=True) == "true\n"
    assert dump_yaml({}) == "{}\n"
    assert dump_yaml([]) == "[]\n"
    assert dump_yaml(1.5) == "1.5\n"


def test_the_greatest_depth_that_is_read_can_be_written():
    value = []
    for _ in range(99):
        value = [value]

    assert read(dump_yaml(value)) == [value]


@pytest.mark.parametrize("value", [{1: "a"}, {"a": object()}, [float("nan")], float("inf"), {1, 2}])
def test_what_is_not_json_is_refused(value):
    with pytest.raises(TypeError):
        dump_yaml(value)
