"""What a unit's sources declare now: resolves, fetches and renders, and survives an absent Git.

While a repository cannot be reached the last commit keeps serving, so that drift is still
corrected; a person is told after a grace time. A render that fails serves nothing: what Git
wants is not known then, and the cluster is left as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from rollouts.gitops.memory import UnitMemory, doubled
from rollouts.gitops.model import Condition
from rollouts.gitops.render import Rendered, RenderError, RenderOptions, concatenate
from rollouts.gitops.render.renderer import Renderer, choose_tool
from rollouts.gitops.source import (
    AuthenticationFailed,
    Credentials,
    GitCache,
    RevisionNotFound,
    RevisionRef,
    SourceError,
    SourceUnreachable,
    Tree,
)
from rollouts.gitops.source.view import ignoring

GRACE = timedelta(seconds=180)
"""How long a repository may be out of reach before that is shown."""

RETRY_DELAY = timedelta(seconds=5)
RETRY_DELAY_MAX = timedelta(minutes=5)

_SHOWN = 5

Login: TypeAlias = Callable[[str], Awaitable[Credentials]]
"""Returns the credentials for a repository URL."""

_TOOL_NAMES = {"directory": "Directory", "kustomize": "Kustomize", "helm": "Helm"}


@dataclass(frozen=True, slots=True)
class Wish:
    """One source of a unit.

    Attributes:
        hidden: `spec.ignore` of a Flux source; None for a source that hides nothing.
        flux: files that Flux leaves out are left out.
    """

    url: str
    ref: RevisionRef
    path: str
    options: RenderOptions
    hidden: str | None = None
    flux: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a unit's sources declare.

    Attributes:
        revisions: full commits, one per source.
        rendered: None when it is not known what Git declares.
        error: why not, or, after a grace time, why a newer commit may have been missed.
        is_build_error: the source was had, but what it holds is wrong.
        stale: `rendered` is of an earlier commit, because the repository is out of reach.
    """

    revisions: tuple[str, ...] = ()
    rendered: Rendered | None = None
    tools: tuple[str, ...] = ()
    error: str = ""
    is_build_error: bool = False
    stale: bool = False
    retry_at: datetime | None = None

    @property
    def revision(self) -> str:
        """Return the commit of the first source."""
        return self.revisions[0] if self.revisions else ""


class Contents:
    """Finds out what units declare."""

    def __init__(self, git: GitCache, renderer: Renderer) -> None:
        self._git = git
        self._renderer = renderer

    def forget(self) -> None:
        """Render everything anew from now on."""
        self._renderer.forget()

    async def find(
        self,
        wishes: tuple[Wish, ...],
        *,
        memory: UnitMemory,
        now: datetime,
        login: Login,
        max_age: timedelta,
        last_commits: tuple[str, ...] = (),
        namespace: str = "",
    ) -> Found:
        """Return what the sources declare.

        Args:
            max_age: how old another unit's look at a repository may be.
            last_commits: what served last, as the unit's status has it; tried when the
                repository is out of reach and this process has nothing in memory.
        """
        try:
            commits = await self._resolve(wishes, memory, login, now=now, max_age=max_age)
            found = await self._render(wishes, commits, login, namespace)
        except (SourceUnreachable, AuthenticationFailed) as error:
            _note_failure(memory, str(error), now)
            commits = memory.commits or last_commits
            return await self._fall_back(
                wishes, commits, memory, login, now=now, namespace=namespace
            )
        except RevisionNotFound as error:
            # The next push may bring it, and is looked for as often as any other.
            return Found(error=str(error))
        except SourceError as error:
            return Found(error=str(error), retry_at=now + RETRY_DELAY_MAX)
        memory.failing_since, memory.failures, memory.retry_at = None, 0, None
        if found.rendered is not None:
            memory.commits = commits
        return found

    async def _resolve(
        self,
        wishes: tuple[Wish, ...],
        memory: UnitMemory,
        login: Login,
        *,
        now: datetime,
        max_age: timedelta,
    ) -> tuple[str, ...]:
        if memory.failing_since is not None and max_age and now < (memory.retry_at or now):
            raise SourceUnreachable(memory.failure)
        return tuple(
            [
                await self._git.resolve(each.url, each.ref, await login(each.url), max_age=max_age)
                for each in wishes
            ]
        )

    async def _render(
        self, wishes: tuple[Wish, ...], commits: tuple[str, ...], login: Login, namespace: str
    ) -> Found:
        """Render all sources at these commits; manifests that are wrong are an answer."""
        parts: list[Rendered] = []
        tools: list[str] = []
        try:
            for wish, commit in zip(wishes, commits, strict=True):
                tree = await self._tree(wish, commit, login)
                tools.append(_TOOL_NAMES.get(choose_tool(tree, wish.path, wish.options), ""))
                parts.append(await self._renderer.render(tree, wish.path, wish.options))
            rendered = (
                parts[0]
                if len(parts) == 1
                else concatenate(parts, duplicates="last-wins", namespace=namespace)
            )
        except RenderError as error:
            return Found(commits, tools=tuple(tools), error=str(error), is_build_error=True)
        except (SourceUnreachable, AuthenticationFailed):
            raise
        except SourceError as error:  # A path that leads nowhere, or out of the repository.
            return Found(commits, tools=tuple(tools), error=str(error), is_build_error=True)
        return Found(commits, rendered, tuple(tools))

    async def _tree(self, wish: Wish, commit: str, login: Login) -> Tree:
        tree = await self._git.checkout(wish.url, commit, await login(wish.url))
        return await ignoring(tree, wish.hidden) if wish.flux else tree

    async def _fall_back(
        self,
        wishes: tuple[Wish, ...],
        commits: tuple[str, ...],
        memory: UnitMemory,
        login: Login,
        *,
        now: datetime,
        namespace: str,
    ) -> Found:
        """Serve the last commits while a repository is out of reach."""
        retry_at = memory.retry_at
        if len(commits) != len(wishes):
            return Found(error=memory.failure, retry_at=retry_at)
        try:
            found = await self._render(wishes, commits, login, namespace)
        except SourceError:
            # The mirror is gone too, so nothing can be said about what Git declares.
            return Found(commits, error=memory.failure, retry_at=retry_at)
        overdue = now - (memory.failing_since or now) >= GRACE
        return Found(
            commits,
            found.rendered,
            found.tools,
            error=found.error or (memory.failure if overdue else ""),
            is_build_error=bool(found.error),
            stale=True,
            retry_at=retry_at,
        )


def _note_failure(memory: UnitMemory, failure: str, now: datetime) -> None:
    """Remember that a repository is out of reach, and when to ask it again."""
    memory.failure = failure
    memory.failing_since = memory.failing_since or now
    if memory.retry_at is None or now >= memory.retry_at:
        memory.retry_at = now + doubled(RETRY_DELAY, memory.failures, RETRY_DELAY_MAX)
        memory.failures += 1


def conditions_of(rendered: Rendered) -> tuple[Condition, ...]:
    """Return what a person should know about a render that succeeded."""
    found: list[Condition] = []
    if rendered.repeated:
        text = f"the last one of each counts: {_listed(rendered.repeated)}"
        found.append(Condition("RepeatedResourceWarning", text))
    if rendered.warnings:
        found.append(Condition("ExcludedResourceWarning", _listed(rendered.warnings)))
    return tuple(found)


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return "; ".join(names[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
