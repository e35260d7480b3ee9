"""What others wrote, on a terminal and in an encoding that holds less than our signs."""

from __future__ import annotations

import io

import pytest

from rollouts.cli.picture import ICONS
from rollouts.cli.plain_text import LENGTH_MAX, one_line, tolerate, visible
from rollouts.cli.sparkline import BLOCKS, GAP


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("plain words", "plain words"),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("bell\x07 delete\x7f csi\x9b1m", "bell\\x07 delete\\x7f csi\\x9b1m"),
        ("turned\u202eround", "turned\\u202eround"),
        ("half \ud83d", "half \\ud83d"),
        ("grüße ✔ ▁█", "grüße ✔ ▁█"),
        ("", ""),
        (17, "17"),
    ],
)
def test_nothing_that_steers_a_terminal_gets_to_it(text, plain):
    assert one_line(text) == plain


def test_spaces_between_words_are_kept_where_they_are_ours():
    assert visible("canary  1/1") == "canary  1/1"
    assert one_line("canary  1/1") == "canary 1/1"


@pytest.mark.parametrize("length", [LENGTH_MAX - 1, LENGTH_MAX])
def test_a_text_up_to_the_bound_is_shown_whole(length):
    assert one_line("x" * length) == "x" * length


def test_a_longer_text_is_cut_and_says_so():
    cut = one_line("x" * (LENGTH_MAX + 1))

    assert len(cut) == LENGTH_MAX
    assert cut.endswith("x…")
    assert len(one_line("\x1b" * 1_000_000)) == LENGTH_MAX


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_signs_that_an_encoding_cannot_hold_are_replaced_one_for_one(encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    signs = "".join(ICONS.values()) + BLOCKS + GAP + "⚠├──│└…→ €"

    tolerate(stream)
    stream.write(signs)
    stream.flush()

    assert len(raw.getvalue().decode(encoding)) == len(signs)
    if encoding == "utf-8":
        assert raw.getvalue().decode() == signs


def test_a_sparkline_in_ascii_still_has_eight_levels():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    tolerate(stream)
    stream.write(BLOCKS)
    stream.flush()

    assert len(set(raw.getvalue())) == len(BLOCKS)
    assert raw.getvalue() == b"_,-~=+*#"


def test_a_stream_without_an_encoding_is_left_alone():
    stream = io.StringIO()

    tolerate(stream)
    stream.write("✔")

    assert stream.getvalue() == "✔"
