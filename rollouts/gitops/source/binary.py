"""The one place that starts git: fixed arguments, closed environment, deadline, bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from rollouts.gitops.process import (
    OUTPUT_BYTES_MAX,
    CannotStart,
    Command,
    Completed,
    OutputTooLarge,
    ProcessError,
    Runner,
    TimedOut,
)
from rollouts.gitops.source.address import Address, Policy
from rollouts.gitops.source.credentials import Credentials
from rollouts.gitops.source.environment import git_world, local_world
from rollouts.gitops.source.errors import SourceError, SourceUnreachable, TooLarge

CONCURRENT_MAX = 16
"""Most conversations with remotes at once: more would only take turns on the network."""


class GitBinary:
    """Runs git. Arguments are never taken from users unless they follow `--`."""

    def __init__(self, *, run: Runner, work: Path, policy: Policy, timeout_seconds: float) -> None:
        """Take the tools.

        Args:
            work: a private directory for short-lived files.
        """
        self._run = run
        self._work = work
        self._policy = policy
        self._timeout_seconds = timeout_seconds
        self._turn = asyncio.Semaphore(CONCURRENT_MAX)
        self._local: Mapping[str, str] = local_world(work)

    async def remote(
        self,
        arguments: tuple[str, ...],
        address: Address,
        credentials: Credentials,
        *,
        git_dir: Path | None = None,
    ) -> Completed:
        """Run git against a remote; the caller reads the exit code.

        Raises:
            SourceUnreachable: it did not finish in time, or git is not installed.
            SourceRefused: the credentials do not suffice for a checked connection.
            TooLarge: it printed more than any honest remote does.
        """
        async with self._turn:
            with git_world(self._work, address, credentials, self._policy) as env:
                return await self._call(arguments, env, git_dir=git_dir, about=str(address))

    async def local(
        self, git_dir: Path, arguments: tuple[str, ...], *, stdin: bytes = b"", bytes_max: int = 0
    ) -> Completed:
        """Run git on a mirror, without network; the caller reads the exit code.

        Raises:
            SourceUnreachable, TooLarge: as for `remote`.
        """
        return await self._call(
            arguments,
            self._local,
            git_dir=git_dir,
            about=f"mirror {git_dir.name}",
            stdin=stdin,
            bytes_max=bytes_max or OUTPUT_BYTES_MAX,
        )

    async def _call(
        self,
        arguments: tuple[str, ...],
        env: Mapping[str, str],
        *,
        git_dir: Path | None,
        about: str,
        stdin: bytes = b"",
        bytes_max: int = OUTPUT_BYTES_MAX,
    ) -> Completed:
        where = (f"--git-dir={git_dir}",) if git_dir else ()
        command = Command(
            argv=("git", *where, *arguments),
            env=env,
            directory=str(self._work),
            stdin=stdin,
            timeout_seconds=self._timeout_seconds,
            output_bytes_max=bytes_max,
        )
        try:
            return await self._run(command)
        except ProcessError as error:
            raise _as_source_error(error, about) from error


def _as_source_error(error: ProcessError, about: str) -> SourceError:
    match error:
        case CannotStart():
            return SourceUnreachable("git is not on the PATH; install it beside the controller")
        case OutputTooLarge():
            return TooLarge(f"{about}: {error}")
        case TimedOut():
            return SourceUnreachable(f"{about}: {error}")
        case _:
            return SourceUnreachable(f"{about}: {error}")
