"""Decides which commit a revision means, from one listing of the remote's references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rollouts.gitops.source.errors import RevisionNotFound, SourceRefused
from rollouts.gitops.source.semver import BadRange, Range, Version, parse_range, parse_version

FLUX_DEFAULT_BRANCH = "master"

REF_LENGTH_MAX = 256

_FULL_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT_COMMIT = re.compile(r"[0-9a-fA-F]{7,39}")
_LISTED = re.compile(rb"([0-9a-f]{40,64})\t([^\n]+)")
_FORBIDDEN_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_HEADS, _TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True, slots=True)
class RevisionRef:
    """Which revision of a repository is wanted, as either family says it.

    Flux sets the named fields; commit wins over name, semver, tag and branch. Argo CD's
    `targetRevision` is `text`: a branch, tag, commit, range over tags, or `refs/…`; all
    fields empty mean the remote's HEAD.

    Attributes:
        tag_prefix: only tags that begin so are versions; the prefix is not part of them.
    """

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""
    text: str = ""
    tag_prefix: str = ""

    @property
    def pinned(self) -> str:
        """Return the full commit when it is stated outright, so that nobody need be asked."""
        wanted = self.commit or ("" if self.name or self.semver or self.tag else self.text)
        return wanted.lower() if _FULL_COMMIT.fullmatch(wanted.lower()) else ""


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, and the name under which it was found (empty for a pinned one)."""

    commit: str
    name: str = ""

    @property
    def flux(self) -> str:
        """Return the spelling of Flux: `main@sha1:<hex>`, or `sha1:<hex>` for a pinned commit."""
        short = self.name.removeprefix(_HEADS).removeprefix(_TAGS)
        return f"{short}@sha1:{self.commit}" if short else f"sha1:{self.commit}"


@dataclass(frozen=True, slots=True)
class Refs:
    """What a remote lists.

    Attributes:
        commits: reference name → commit, annotated tags already followed to it.
        head: the branch that HEAD points to, as a full name; empty when not told.
    """

    commits: Mapping[str, str]
    head: str = ""

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the short names below a prefix, sorted."""
        return tuple(sorted(n.removeprefix(prefix) for n in self.commits if n.startswith(prefix)))

    def names_of(self, commit: str) -> tuple[str, ...]:
        """Return the full names that point to a commit, branches first."""
        found = (name for name, target in self.commits.items() if target == commit)
        return tuple(sorted(found, key=lambda name: (not name.startswith(_HEADS), name)))


def parse_ls_remote(output: bytes) -> Refs:
    """Read the output of `git ls-remote --symref`.

    Raises:
        SourceRefused: the repository uses SHA-256 object names.
    """
    commits: dict[str, str] = {}
    peeled: dict[str, str] = {}
    head = ""
    for line in output.split(b"\n"):
        if line.startswith(b"ref: "):
            target, _, name = line[len(b"ref: ") :].partition(b"\t")
            head = target.decode("utf-8", "surrogateescape") if name == b"HEAD" else head
        elif match := _LISTED.fullmatch(line):
            if len(match[1]) != 40:
                raise SourceRefused("repositories with SHA-256 object names are not supported")
            name_text = match[2].decode("utf-8", "surrogateescape")
            commit = match[1].decode("ascii")
            if name_text.endswith("^{}"):
                peeled[name_text.removesuffix("^{}")] = commit
            else:
                commits[name_text] = commit
    return Refs(commits | peeled, head)


def check_ref_name(text: str, what: str) -> None:
    """Refuse what is no reference name or could be taken for an option.

    Raises:
        SourceRefused: naming the offending text.
    """
    if not text:
        return
    if text.startswith("-"):
        raise SourceRefused(f"{what} {text!r:.100} begins with a dash, which no reference does")
    if len(text) > REF_LENGTH_MAX:
        raise SourceRefused(f"{what} is longer than {REF_LENGTH_MAX} characters")
    if _FORBIDDEN_IN_REF.search(text) or text.endswith(("/", ".lock", ".")) or text[0] == "/":
        raise SourceRefused(f"{what} {text!r:.100} is not a valid reference name")


def check_revision(ref: RevisionRef) -> None:
    """Refuse a wanted revision that cannot exist, before anybody is asked.

    Raises:
        SourceRefused: naming the field and the offending value.
    """
    if ref.commit and not _FULL_COMMIT.fullmatch(ref.commit.lower()):
        raise SourceRefused(f"commit {ref.commit!r:.100} is not 40 hexadecimal digits")
    check_ref_name(ref.branch, "branch")
    check_ref_name(ref.tag, "tag")
    check_ref_name(ref.name, "ref name")
    check_ref_name(ref.tag_prefix, "tag prefix")
    if ref.semver:
        try:
            parse_range(ref.semver)
        except BadRange as error:
            raise SourceRefused(f"semver: {error}") from error
    if ref.text and _range_of(ref.text) is None:
        check_ref_name(ref.text, "revision")


def choose(refs: Refs, ref: RevisionRef) -> Revision:
    """Decide which commit a revision means now.

    Raises:
        RevisionNotFound: with what exists instead.
        SourceRefused: the wanted revision cannot exist anywhere.
    """
    check_revision(ref)
    if ref.pinned:
        return Revision(ref.pinned)
    if ref.name:
        return _exact(refs, ref.name, f"ref {ref.name!r}", known=tuple(sorted(refs.commits)))
    if ref.semver:
        return _highest(refs, ref.semver, parse_range(ref.semver), ref.tag_prefix)
    if ref.tag:
        return _exact(refs, _TAGS + ref.tag, f"tag {ref.tag!r}", known=refs.names(_TAGS))
    if ref.branch:
        name = _HEADS + ref.branch
        return _exact(refs, name, f"branch {ref.branch!r}", known=refs.names(_HEADS))
    return _choose_text(refs, ref)


def _choose_text(refs: Refs, ref: RevisionRef) -> Revision:
    """Read Argo CD's one field: an exact name first, a branch before a tag, then a range."""
    known = (*refs.names(_HEADS), *refs.names(_TAGS))
    if ref.text in ("", "HEAD"):
        if "HEAD" not in refs.commits:
            hint = f"it points to {refs.head!r}, which does not exist" if refs.head else ""
            raise RevisionNotFound("HEAD", known, hint=hint if known else "")
        return Revision(refs.commits["HEAD"], refs.head)
    for name in (ref.text, _HEADS + ref.text, _TAGS + ref.tag_prefix + ref.text, _TAGS + ref.text):
        if name in refs.commits:
            return Revision(refs.commits[name], name)
    wanted = _range_of(ref.text)
    if wanted is not None and not _SHORT_COMMIT.fullmatch(ref.text):
        return _highest(refs, ref.text, wanted, ref.tag_prefix)
    if _SHORT_COMMIT.fullmatch(ref.text):
        return _by_prefix(refs, ref.text.lower())
    raise RevisionNotFound(f"branch or tag {ref.text!r}", known)


def is_short_commit(text: str) -> bool:
    """Tell whether a text may be the beginning of a commit's name."""
    return _SHORT_COMMIT.fullmatch(text) is not None


def _range_of(text: str) -> Range | None:
    try:
        return parse_range(text)
    except BadRange:
        return None


def _exact(refs: Refs, name: str, what: str, *, known: tuple[str, ...]) -> Revision:
    commit = refs.commits.get(name)
    if commit is None:
        raise RevisionNotFound(what, known)
    return Revision(commit, "" if name == "HEAD" else name)


def _by_prefix(refs: Refs, prefix: str) -> Revision:
    found = sorted({commit for commit in refs.commits.values() if commit.startswith(prefix)})
    if len(found) == 1:
        return Revision(found[0])
    hint = (
        "several commits begin so; give all 40 digits"
        if found
        else "no branch or tag points to such a commit; give all 40 digits"
    )
    raise RevisionNotFound(f"commit {prefix!r}", hint=hint)


def _highest(refs: Refs, text: str, wanted: Range, prefix: str) -> Revision:
    """Return the highest version among the tags; of equal ones the last by name."""
    candidates: list[tuple[Version, str]] = []
    for tag in refs.names(_TAGS):
        version = parse_version(tag.removeprefix(prefix)) if tag.startswith(prefix) else None
        if version is not None and wanted.admits(version):
            candidates.append((version, tag))
    if not candidates:
        raise RevisionNotFound(f"a tag in the range {text!r}", refs.names(_TAGS))
    _, tag = max(candidates, key=lambda each: (each[0].precedence, each[1]))
    return Revision(refs.commits[_TAGS + tag], _TAGS + tag)
