"""The reader takes what kubectl takes, with lines, and refuses what hurts, quickly."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rollouts.api.documents import (
    BadDocument,
    Document,
    flatten,
    read_documents,
    read_objects,
    require_object,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "yaml_scalars.json"
SCALARS = json.loads(GOLDEN.read_text(encoding="utf-8"))
# The Go loader takes these tags; here a person must write what he means.
OUR_OWN_RULES = ("!foo*", "<<")
NO_KEYS = (*OUR_OWN_RULES, "!!float .inf", "a #c")


def read(text):
    return [document.manifest for document in read_documents(text)]


def refusal(text, source="app.yaml"):
    with pytest.raises(BadDocument) as caught:
        read_documents(text, source)
    return str(caught.value)


def outcome(text):
    try:
        return read(text)[0]
    except BadDocument:
        return "refused"


def same(one, other):
    """Compare as JSON: 1 is not true; beyond int64 a number may be integer or float."""
    if isinstance(one, int | float) and isinstance(other, int | float) and abs(one) >= 2**63:
        return float(one) == float(other)
    return json.dumps(one) == json.dumps(other)


def test_there_are_enough_scalars_to_trust():
    assert len(SCALARS) > 1000


def test_every_scalar_reads_as_in_kubectl():
    wrong = []
    for case in SCALARS:
        if case["yaml"] in OUR_OWN_RULES:
            continue
        found = outcome(f"v: {case['yaml']}\n")
        found = found["v"] if found != "refused" else "refused"
        expected = case.get("value", "refused")
        if not same(found, expected):
            wrong.append((case, found))

    assert wrong == []


def test_every_key_reads_as_in_kubectl():
    wrong = []
    for case in SCALARS:
        if case["yaml"] in NO_KEYS or case["yaml"].startswith(("[", "{", "- ", "|", ">")):
            continue
        found = outcome(f"{case['yaml']}: v\n")
        expected = {case["key"]: "v"} if "key" in case else "refused"
        if expected != found:
            wrong.append((case, found))

    assert wrong == []


@pytest.mark.kubectl
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_scalars_read_as_in_the_kubectl_installed_here(tmp_path):
    plain = [case["yaml"] for case in SCALARS if "value" in case and "\n" not in case["yaml"]]
    text = "apiVersion: example.com/v1\nkind: Table\nmetadata: {name: table}\nrows:\n"
    text += "".join(f"- v: {one}\n" for one in plain if one not in OUR_OWN_RULES)
    path = tmp_path / "table.yaml"
    path.write_text(text, encoding="utf-8")

    command = ["kubectl", "label", "--local", "-f", str(path), "-o", "json", "a=b"]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60)

    ours, theirs = read(text)[0]["rows"], json.loads(answer.stdout)["rows"]
    wrong = [(a, b) for a, b in zip(ours, theirs, strict=True) if not same(a["v"], b["v"])]
    assert wrong == []


class TestText:
    def test_an_empty_text_has_no_documents(self):
        assert read("") == read("\n\n") == read("# only a comment\n") == read("---\n---\n") == []
        assert read("null\n---\n~\n") == []

    def test_empty_documents_are_skipped_but_counted(self):
        documents = read_documents("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n")

        assert [(one.index, one.line) for one in documents] == [(2, 4), (4, 7)]

    def test_json_is_read_too(self):
        assert read('{"a": [1, true, null, "x"],\n\t"b": {}}') == [
            {"a": [1, True, None, "x"], "b": {}}
        ]

    def test_bytes_with_a_byte_order_mark_and_windows_line_ends_are_read(self):
        text = "\ufeffa: 1\r\nb:\r\n- x\r\n".encode()

        assert read(text) == [{"a": 1, "b": ["x"]}]

    def test_block_texts_keep_their_lines(self):
        assert read("a: |\n  one\n  two\nb: >-\n  one\n  two\n") == [
            {"a": "one\ntwo\n", "b": "one two"}
        ]

    def test_anchors_and_a_few_aliases_are_read(self):
        text = "a: &x {k: 1}\nb: *x\nc: [*x, &v z, *v]\n"

        assert read(text) == [{"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}, "z", "z"]}]

    def test_an_anchor_ends_with_its_document(self):
        assert "names no anchor" in refusal("a: &x 1\n---\nb: *x\n")

    def test_core_tags_are_read(self):
        text = "a: !!str 12\nb: !!int '3'\nc: !!map {}\nd: !!seq [1]\ne: !!null ''\nf: ! 12\n"

        assert read(text) == [{"a": "12", "b": 3, "c": {}, "d": [1], "e": None, "f": "12"}]

    def test_a_quoted_merge_sign_is_a_key_like_any_other(self):
        assert read('"<<": 1\na: <<\n') == [{"<<": 1, "a": "<<"}]

    def test_a_yaml_version_line_is_read(self):
        assert read("%YAML 1.2\n---\na: 1\n") == [{"a": 1}]


REFUSALS = {
    "merge key": (
        "a: &x {b: 1}\n---\nc:\n  <<: {d: 1}\n",
        "app.yaml, document 2, line 4: merge keys (<<) are refused: write the fields out",
    ),
    "merge tag": ("!!merge x: {a: 1}", "line 1: merge keys (<<) are refused"),
    "repeated key": (
        "a:\n  b: 1\n  c: 2\n  b: 3\n",
        "app.yaml, document 1, line 4: 'b' is set twice in one mapping, first on line 2: keep one",
    ),
    "repeated key after resolving": ("1: a\n'1': b\n", "'1' is set twice"),
    "repeated key with a list": ("a:\n- 1\na: 2\n", "first on line 1"),
    "tag": ("a: !vault x\n", "the tag '!vault' is refused"),
    "tag of a mapping": ("a: !x {b: 1}\n", "the tag '!x' is refused"),
    "tag of a language": ("!!python/object:os.system {}", "'!!python/object:os.system'"),
    "binary": ("a: !!binary aGk=\n", "the tag '!!binary' is refused"),
    "timestamp": ("a: !!timestamp 2024-01-01\n", "'!!timestamp'"),
    "set": ("!!set {a, b}", "'!!set'"),
    "wrong tag": ("a: !!int x\n", "'x' is not a value of the type !!int"),
    "list tagged as mapping": ("a: !!map [1]\n", "'!!map'"),
    "infinity": ("a: [.inf]\n", ".inf has no JSON form"),
    "not a number": ("a:\n\n  .nan\n", "line 3: .nan has no JSON form"),
    "alias without anchor": ("a: *x\n", "the alias *x names no anchor before it"),
    "alias to itself": ("a: &x [*x]\n", "the alias *x names no anchor before it"),
    "alias to itself by an old name": ("a: &x 1\nb: &x [*x]\n", "names no anchor"),
    "alias as key": ("a: &x b\n*x : 1\n", "an alias stands where a key belongs"),
    "mapping as key": ("a: {{ .Values.x }}\n", "quote text that begins with {"),
    "null key": ("~: 1\n", "a key is missing or null"),
    "huge key number": ("18446744073709551615: 1\n", "too large for a key"),
    "long key": (f"? {'x' * 1025}\n: 1\n", "a key is longer than 1,024 characters"),
    "tab": ("a:\n\tb: 1\n", "app.yaml, document 1, line 2: a tab cannot indent YAML: use spaces"),
    "at sign": ("a: @b\n", "a value cannot begin with '@': put it in quotes"),
    "backtick": ("a: `b`\n", "a value cannot begin with '`': put it in quotes"),
    "colon in text": ("a: b: c\n", "mapping values are not allowed in this context"),
    "unclosed list": ("a: [1,\n2\nb: 2", "while parsing a flow sequence that begins on line 1"),
    "unclosed quote": ('a: "x\n', "not valid YAML"),
    "second document broken": ("a: 1\n---\nb: [\n", "app.yaml, document 2, line "),
    "nul": ("a: 1\nb: \0\n", "app.yaml, line 2: the character U+0000 cannot stand in YAML"),
    "escape character": ("a: \x1b[31m\n", "the character U+001B cannot stand in YAML"),
    "byte order mark inside": ("a: 1\n---\n\ufeffb: 1\n", "line 3: the character U+FEFF"),
    "lone surrogate": ("a: \ud800\n", "the character U+D800 cannot stand in YAML"),
    "utf-16": ("a: 1\n".encode("utf-16"), "app.yaml: the text is UTF-16 or UTF-32: save it as"),
    "utf-16 without mark": ("a: 1\n".encode("utf-16-le"), "is it UTF-16? Save it as UTF-8"),
    "latin-1": ("a: 1\nb: é\n".encode("latin-1"), "line 2: the byte 0xe9 is not UTF-8"),
    "too many tag directives": ("%TAG !a! tag:x,2000:\n" * 17 + "---\na: 1\n", "%TAG directives"),
    "incompatible version": ("%YAML 3.0\n---\na: 1\n", "incompatible YAML document"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_with_place_and_reason(case):
    text, reason = REFUSALS[case]

    assert reason in refusal(text)


class TestPositions:
    TEXT = (
        "# a comment\n"
        "kind: Rollout\n"
        "spec:\n"
        "  strategy:\n"
        "    canary:\n"
        "      steps:\n"
        "      - setWeight: 10\n"
        "      - pause:\n"
        "          duration: 5m\n"
        "      - {setWeight: 20,\n"
        "         name: x}\n"
        "---\n"
        "- a\n"
    )

    @pytest.mark.parametrize(
        ("path", "line"),
        [
            ((), 2),
            (("kind",), 2),
            (("spec",), 3),
            (("spec", "strategy", "canary", "steps"), 6),
            (("spec", "strategy", "canary", "steps", 0), 7),
            (("spec", "strategy", "canary", "steps", 1), 8),
            (("spec", "strategy", "canary", "steps", 1, "pause", "duration"), 9),
            (("spec", "strategy", "canary", "steps", 2, "name"), 11),
            (("spec", "strategy", "canary", "steps", 7), 6),
            (("spec", "strategy", "canary", "steps", "x"), 6),
            (("spec", "strategy", "blueGreen", "activeService"), 4),
            (("kind", "deeper", 3), 2),
            (("metadata", "name"), 2),
        ],
    )
    def test_a_path_has_the_line_of_its_nearest_existing_field(self, path, line):
        assert read_documents(self.TEXT)[0].position(path) == line

    def test_later_documents_count_on(self):
        document = read_documents(self.TEXT)[1]

        assert (document.index, document.line, document.position((0,))) == (2, 13, 13)

    def test_an_alias_stands_where_it_is_written(self):
        document = read_documents("a: &x\n  b: 1\nc:\n  d: *x\n")[0]

        assert document.position(("c", "d")) == 4
        assert document.position(("c", "d", "b")) == 2


class TestObjects:
    def test_an_object_needs_api_version_and_kind(self):
        def reason(text):
            with pytest.raises(BadDocument) as caught:
                require_object(read_documents(text, "x.yaml")[0])
            return str(caught.value)

        assert "x.yaml, document 1, line 1: kind is missing" in reason("apiVersion: v1\n")
        assert "apiVersion is missing" in reason("kind: A\napiVersion: ''\n")
        assert "line 2: apiVersion must be text, not 1" in reason("kind: A\napiVersion: 1\n")
        assert "the document is a list" in reason("- a\n")
        assert "the single value 'hello'" in reason("hello\n")

    def test_an_object_is_returned_as_it_is(self):
        document = read_documents("apiVersion: v1\nkind: A\n")[0]

        assert require_object(document) is document.manifest

    def test_a_plain_object_is_its_own_and_only_item(self):
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "items": "text"}

        assert flatten(manifest) == (manifest,)
        assert flatten({"kind": "List", "items": None}) == ({"kind": "List", "items": None},)

    def test_items_that_are_no_list_by_kind_stay(self):
        manifest = {"apiVersion": "v1", "kind": "Secret", "items": [1]}

        assert flatten(manifest) == (manifest,)

    def test_lists_and_lists_of_lists_are_flattened_in_order(self):
        def named(name):
            return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}

        inner = {"apiVersion": "v1", "kind": "List", "items": [named("b"), named("c")]}
        outer = {"apiVersion": "v1", "kind": "List", "items": [named("a"), inner, named("d")]}

        assert [one["metadata"]["name"] for one in flatten(outer)] == ["a", "b", "c", "d"]
        assert flatten({"apiVersion": "v1", "kind": "List", "items": []}) == ()

    def test_items_of_a_typed_list_get_its_kind(self):
        manifest = {"apiVersion": "v1", "kind": "ConfigMapList", "items": [{"data": {}}]}

        assert flatten(manifest) == ({"apiVersion": "v1", "kind": "ConfigMap", "data": {}},)
        assert manifest["items"] == [{"data": {}}]

    def test_objects_of_a_list_know_their_lines(self):
        text = (
            "apiVersion: v1\nkind: List\nitems:\n"
            "- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n"
            "- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: b\n"
        )
        first, second = read_objects(text, "x.yaml")

        assert (first.line, first.position(("metadata", "name"))) == (4, 7)
        assert (second.line, second.position(("metadata", "name"))) == (8, 11)
        assert second.index == 1

    def test_an_item_that_is_no_object_is_refused_with_its_line(self):
        text = "apiVersion: v1\nkind: List\nitems:\n- 7\n"

        with pytest.raises(BadDocument, match=r"x\.yaml, document 1, line 4: .*single value 7"):
            read_objects(text, "x.yaml")


class TestBadDocument:
    def test_says_what_it_knows(self):
        assert str(BadDocument("a.yaml", 2, 14, "why")) == "a.yaml, document 2, line 14: why"
        assert str(BadDocument("a.yaml", 0, 0, "why")) == "a.yaml: why"
        assert str(BadDocument("", 2, 0, "why")) == "document 2: why"
        assert str(BadDocument("", 0, 0, "why")) == "why"

    def test_a_document_blames_a_field(self):
        document = Document({"a": 1}, "a.yaml", 3, 5, (5, {"a": 6}))

        assert str(document.refuse("why", ("a",))) == "a.yaml, document 3, line 6: why"
