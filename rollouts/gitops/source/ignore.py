"""Decides which files of a Flux source are left out: gitignore patterns, as Flux reads them.

Differs from git itself, like the peer: a file below an excluded directory can be brought back
by a later pattern, so `/*` followed by `!/deploy/**/*.yaml` means what it says.
"""

from __future__ import annotations

from dataclasses import dataclass

from rollouts.gitops.source.globs import BadPattern, match_wildcards

IGNORE_FILE = ".sourceignore"

RULES_MAX = 1000
"""Bound on the patterns of one source: each is tried on each file."""

_VERSION_CONTROL = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
_DEFAULTS = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml"),
    *("cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml"),
    *("**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern line.

    Attributes:
        domain: directory of the file that holds the pattern, as segments; it sees only below.
        segments: the pattern between its slashes; a lone segment that is not anchored matches
            at any depth.
    """

    domain: tuple[str, ...]
    segments: tuple[str, ...]
    includes: bool
    directory_only: bool
    anchored: bool

    def matches(self, path: tuple[str, ...], *, is_directory: bool) -> bool:
        """Decide whether the rule names this very path."""
        if path[: len(self.domain)] != self.domain or len(path) == len(self.domain):
            return False
        if self.directory_only and not is_directory:
            return False
        if self.anchored:
            return _match_segments(self.segments, path[len(self.domain) :])
        return match_wildcards(self.segments[0], path[-1])


class Judge:
    """Decides for many paths of one tree, looking at each directory once."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._of_directory: dict[tuple[str, ...], int] = {(): -1}

    def is_ignored(self, path: str, *, is_directory: bool = False) -> bool:
        """Decide whether a path is left out.

        The last rule that names it or a directory above it wins.
        """
        position = self._latest(tuple(path.split("/")), is_directory=is_directory)
        return position >= 0 and not self._rules[position].includes

    def _latest(self, path: tuple[str, ...], *, is_directory: bool) -> int:
        """Return the position of the last rule that speaks about a path, or -1."""
        known = len(path) if is_directory else len(path) - 1
        while path[:known] not in self._of_directory:
            known -= 1
        position = self._of_directory[path[:known]]
        for length in range(known + 1, len(path) + 1):
            below = is_directory or length < len(path)
            position = self._own(path[:length], position, is_directory=below)
            if below:
                self._of_directory[path[:length]] = position
        return position

    def _own(self, path: tuple[str, ...], above: int, *, is_directory: bool) -> int:
        """Return the last rule that names this very path, if it is later than `above`."""
        for position in range(len(self._rules) - 1, above, -1):
            if self._rules[position].matches(path, is_directory=is_directory):
                return position
        return above


def _match_segments(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Match segments by dynamic programming over the pattern positions that can be reached.

    `**` stands for any number of segments; at the end of a pattern, for at least one.
    """
    last = len(pattern) - 1
    reachable = _skip(pattern, (0,))
    for segment in path:
        following: list[int] = []
        for position in reachable:
            if position <= last and pattern[position] == "**":
                following += (position, position + 1) if position == last else (position,)
            elif position <= last and match_wildcards(pattern[position], segment):
                following.append(position + 1)
        reachable = _skip(pattern, tuple(following))
    return len(pattern) in reachable


def _skip(pattern: tuple[str, ...], positions: tuple[int, ...]) -> tuple[int, ...]:
    """Return the positions, with those added that follow a `**` matching nothing."""
    reached = dict.fromkeys(positions)
    for position in range(len(pattern) - 1):
        if position in reached and pattern[position] == "**":
            reached[position + 1] = None
    return tuple(reached)


def parse_rules(text: str, directory: str = "") -> tuple[Rule, ...]:
    """Read a gitignore file.

    Args:
        directory: where the file stands, relative to the root.

    Raises:
        BadPattern: a bracket is not closed, or there are more than `RULES_MAX` patterns.
    """
    domain = tuple(part for part in directory.split("/") if part)
    rules = tuple(rule for line in text.splitlines() if (rule := _parse_line(line, domain)))
    if len(rules) > RULES_MAX:
        raise BadPattern(f"holds {len(rules)} patterns; at most {RULES_MAX} are read")
    return rules


def _parse_line(line: str, domain: tuple[str, ...]) -> Rule | None:
    if not line.endswith("\\ "):
        line = line.rstrip(" \t\r")
    if not line or line.startswith("#"):
        return None
    includes = line.startswith("!")
    line = line.removeprefix("!")
    if line.startswith(("\\#", "\\!")):
        line = line[1:]
    directory_only = line.endswith("/")
    body = line.rstrip("/")
    segments = tuple(part for part in body.split("/") if part)
    if not segments:
        return None
    for segment in segments:
        match_wildcards(segment, "")  # Raises for a pattern that cannot be read.
    return Rule(domain, segments, includes, directory_only, anchored="/" in body)


def source_rules(ignore: str | None) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Return the rules that stand before and after those of the repository's own files.

    Args:
        ignore: `spec.ignore`; when set (even empty) it replaces the built-in defaults and has
            the last word over `.sourceignore` files.
    """
    built_in = _VERSION_CONTROL if ignore is not None else (*_VERSION_CONTROL, *_DEFAULTS)
    return parse_rules("\n".join(built_in)), parse_rules(ignore or "")
