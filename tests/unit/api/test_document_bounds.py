"""However a text is made, reading or refusing it takes bounded time and space."""

import time

import pytest

from rollouts.api import yaml_reader
from rollouts.api.documents import BadDocument, read_documents


def read(text):
    return [document.manifest for document in read_documents(text)]


def refusal(text):
    with pytest.raises(BadDocument) as caught:
        read_documents(text, "app.yaml")
    return str(caught.value)


def merge_bomb(levels):
    rows = ["a0: &a0 {x: 1}"]
    rows += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, levels)]
    return "\n".join(rows)


def alias_bomb(levels, width=9):
    rows = ["a0: &a0 [lol, lol, lol]"]
    rows += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(rows)


BOMBS = {
    "merge bomb of 655 bytes": (merge_bomb(13)[:655], "merge keys"),
    "merge bomb of 3 levels": (merge_bomb(3), "merge keys"),
    "merge bomb of 100 levels": (merge_bomb(100), "merge keys"),
    "alias bomb of 9 levels": (alias_bomb(9), "values and keys"),
    "alias bomb of 5 levels of long text": (
        "a0: &a0 " + "x" * 100_000 + alias_bomb(4)[len("a0: &a0 [lol, lol, lol]") :],
        "characters with the aliases written out",
    ),
    "101 aliases": ("a: &a 1\nb: [" + "*a," * 101 + "]", "more than 100 aliases"),
    "50 KB of nested lists": ("[" * 50_000, "nested deeper than 100 levels"),
    "50 KB of nested mappings": ('{"a":' * 10_000, "nested deeper than 100 levels"),
    "50 KB of nested dashes": ("- " * 25_000, "nested deeper than 100 levels"),
    "50 KB of nested keys": ("? " * 25_000, "where a key belongs"),
    "50 MB scalar": ("a: " + "x" * 50_000_000, "50,000,003 bytes are more than the 10,000,000"),
    "50 MB of bytes": (b"a: " + b"x" * 50_000_000, "50,000,003 bytes are more"),
    "10 MB of three-byte letters": ("a: " + "語" * 4_000_000, "12,000,003 bytes are more"),
    "half a MB of tag directives": ("%TAG !a! tag:x,2000:\n" * 25_000, "%TAG directives"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused_within_milliseconds(case):
    text, reason = BOMBS[case]

    begun = time.perf_counter()
    message = refusal(text)
    elapsed = time.perf_counter() - begun

    assert reason in message
    assert elapsed < 0.25  # mostly 1 to 30 ms; the rest is for a busy machine


class TestBounds:
    def test_depth_below_at_and_above(self):
        for depth in (99, 100):
            assert read("[" * depth + "]" * depth)
        assert "nested deeper than 100 levels" in refusal("[" * 101 + "]" * 101)

    def test_size_at_and_above(self):
        assert read("#" * yaml_reader.SIZE_MAX) == []
        assert "bytes are more" in refusal("#" * (yaml_reader.SIZE_MAX + 1))

    def test_documents_at_and_above(self):
        assert len(read("---\na: 1\n" * yaml_reader.DOCUMENTS_MAX)) == 5000
        assert "more than 5,000 documents" in refusal("---\na: 1\n" * 5001)

    def test_a_hundred_thousand_documents_are_refused_at_the_first_too_many(self):
        begun = time.perf_counter()

        assert "document 5001, line 10001: more than 5,000 documents" in refusal(
            "---\na\n" * 100_000
        )
        assert time.perf_counter() - begun < 1

    def test_key_length_at_and_above(self):
        assert read(f"? {'x' * 1024}\n: 1\n") == [{"x" * 1024: 1}]
        assert "a key is longer" in refusal(f"? {'x' * 1025}\n: 1\n")

    def test_aliases_at_and_above(self):
        assert read("a: &a 1\nb: [" + "*a," * 100 + "]")
        assert "aliases" in refusal("a: &a 1\nb: [" + "*a," * 101 + "]")

    def test_two_hundred_thousand_keys_are_read_in_bounded_time(self):
        text = "".join(f"key{i}: value{i}\n" for i in range(200_000))

        begun = time.perf_counter()
        (manifest,) = read(text)

        assert len(manifest) == 200_000
        assert time.perf_counter() - begun < 15  # 1 to 2 s on a quiet machine

    def test_more_values_than_any_sync_has_are_refused(self):
        text = "[" + "1," * (yaml_reader.NODES_MAX + 1) + "]"

        assert "more than 500,000 values and keys" in refusal(text)

    @pytest.mark.parametrize("digits", [4300, 4301, 100_000])
    def test_endless_numbers_are_text_as_in_kubectl(self, digits):
        assert read(f"a: {'9' * digits}\n") == [{"a": "9" * digits}]
        assert read(f"a: -0x{'f' * digits}\n") == [{"a": "-0x" + "f" * digits}]

    def test_endless_fractions_are_rounded(self):
        assert read(f"a: 0.{'1' * 100_000}\n") == [{"a": 1 / 9}]
