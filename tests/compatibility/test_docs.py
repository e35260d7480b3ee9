"""What the documentation says can be done, can be done: blocks, command lines, links, paths."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from shell.live import run_command

from rollouts.api.documents import read_documents
from rollouts.api.lint import lint_text
from rollouts.api.times import parse_time
from rollouts.core.requests import VERBS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
        *ROOT.glob("tools/**/*.md"),
    ]
)
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
main_module = importlib.import_module("rollouts.cli.main")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page):
    """The fenced blocks of a page, and the lines of prose between them."""
    blocks, prose, open_block = [], [], None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            if open_block is None:
                open_block = (number, line[3:].strip(), [])
            else:
                start, language, lines = open_block
                blocks.append(Block(page, start, language, "\n".join(lines) + "\n"))
                open_block = None
        elif open_block is None:
            prose.append((number, line))
        else:
            open_block[2].append(line)
    assert open_block is None, f"{page}: a block is never closed"
    return blocks, prose


BLOCKS = [block for page in PAGES for block in blocks_of(page)[0]]


def blocks(*languages):
    found = [each for each in BLOCKS if each.language in languages]
    return [pytest.param(each, id=each.place) for each in found]


def spans():
    """Every span of code in prose, with its place."""
    for page in PAGES:
        for number, line in blocks_of(page)[1]:
            for text in re.findall(r"`([^`]+)`", line):
                yield f"{page.relative_to(ROOT)}:{number}", text


# -- blocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("yaml", "yml"))
def test_a_block_of_yaml_is_read_and_sound(block):
    documents = read_documents(block.text, block.place)

    # What shows a part of an object is only read.
    is_whole = any("apiVersion" in each.manifest for each in documents)
    assert [str(each) for each in lint_text(block.text, block.place) if is_whole] == []


def test_blocks_of_json_are_read():
    for block in BLOCKS:
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"))
def test_a_block_of_python_runs(block):
    code = compile(block.text, block.place, "exec")

    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, {"__name__": "example"})


def test_every_block_says_what_it_is():
    known = {"sh", "yaml", "json", "python", "text", "toml", "expr", "expr-error", ""}

    assert [each.place for each in BLOCKS if each.language not in known] == []


# -- command lines ---------------------------------------------------------------------------------


def commands_of(block):
    """The simple commands of a block: lines joined, comments dropped, pipes and lists split."""
    for line in block.text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        command = []
        for token in lexer:
            if set(token) <= set("|&;"):
                yield command
                command = []
            else:
                command.append(token)
        if command:
            yield command


COMMANDS = [
    (block.place, command) for block in BLOCKS if block.language == "sh"
    for command in commands_of(block)
]  # fmt: skip
SPANS = [
    (place, shlex.split(re.sub(r"[\[\]]", "", text))) for place, text in spans() if "'" not in text
]


def lines_of(name):
    """Every use of a program, in blocks and in prose."""
    found = {}
    for place, command in (*COMMANDS, *SPANS):
        if command and Path(command[0]).name == name and len(command) > 1:
            found[place, *command] = pytest.param(place, command, id=f"{place} {command[1]}")
    return list(found.values())


def parse(place, arguments):
    """Parse arguments with the real parser; its complaint fails the test."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return main_module.build_parser().parse_args(arguments)
    except SystemExit:
        pytest.fail(f"{place}: rollouts {shlex.join(arguments)}: {complaint.getvalue()}")


@pytest.mark.parametrize(("place", "command"), lines_of("rollouts"))
def test_a_command_line_is_understood(place, command):
    arguments = command[1:]
    if "|" in arguments:
        arguments = arguments[: arguments.index("|")]

    parse(place, arguments)


@pytest.mark.parametrize(("place", "command"), lines_of("make"))
def test_a_make_target_exists_and_takes_its_arguments(place, command):
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    target, *variables = command[1:]

    assert target in targets
    for variable in variables:
        name, _, value = variable.partition("=")
        assert name == "ARGS"
        if target == "demo":
            parse(place, ["demo", *shlex.split(value)])


def test_the_forecast_in_the_readme_is_what_is_printed():
    shown = next(each for each in BLOCKS if "ELAPSED" in each.text)
    before = BLOCKS[BLOCKS.index(shown) - 1]
    command = shlex.split(before.text)

    assert shown.page.name == "README.md"
    assert run_command(command[1], "-f", str(ROOT / command[3])).out == shown.text


def test_every_command_stands_in_the_readme():
    parser = main_module.build_parser()
    choices = next(each.choices for each in parser._actions if each.choices)
    text = (ROOT / "README.md").read_text()

    assert [name for name in choices if not re.search(rf"`[^`]*\b{name}\b", text)] == []


def acceptable(verb, value):
    if verb in ("abort", "retry"):
        return value not in ("", "false")
    if verb == "rollback":
        return value == "previous" or value.isdecimal()
    if verb == "restart" and value != "true":
        return bool(parse_time(value))
    return value in {"promote": ("true", "full"), "pause": ("true", "false")}.get(verb, ("true",))


def test_every_annotation_shown_is_a_request_that_can_be_carried_out():
    shown = [
        (f"{page.relative_to(ROOT)}", verb, value.strip('"'))
        for page in PAGES
        for verb, value in re.findall(
            r'rollouts\.dev/([a-z-]+)=("[^"]*"|[^\s`,.)]+)', page.read_text()
        )
    ]

    assert {verb for _, verb, _ in shown} == set(VERBS)
    assert [each for each in shown if not acceptable(each[1], each[2])] == []


# -- links and names -------------------------------------------------------------------------------


def anchor_of(heading):
    """How a heading is called in a link."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors_of(page):
    return {anchor_of(line.lstrip("#")) for _, line in blocks_of(page)[1] if re.match(r"#+ ", line)}


def test_every_link_leads_somewhere():
    dead = []
    for page in PAGES:
        for number, line in blocks_of(page)[1]:
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                path = (page.parent / name).resolve() if name else page
                is_there = path.exists() and (not anchor or anchor in anchors_of(path))
                if not is_there:
                    dead.append(f"{page.relative_to(ROOT)}:{number}: {target}")

    assert dead == []


def test_every_path_that_is_named_exists():
    folders = "rollouts|tests|docs|examples|tools|crds|bench"
    named = [
        (place, text)
        for place, text in spans()
        if re.fullmatch(rf"(?:{folders})/[\w./-]*", text) and "..." not in text
    ]

    assert [each for each in named if not (ROOT / each[1]).exists()] == []


def test_every_module_or_function_that_is_named_exists():
    named = [
        (place, found[1])
        for place, text in spans()
        if (found := re.match(r"(rollouts(?:\.[a-z_]+)+)(?:\(|$)", text))
    ]

    assert [each for each in named if not is_importable(each[1])] == []


def is_importable(dotted):
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


# -- examples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_sound_and_explains_itself(example):
    answer = run_command("lint", str(example))

    assert answer.code == 0, answer.out
    assert answer.lines[-1].endswith(" 0 errors, 0 warnings")
    assert (example / "README.md").exists()
