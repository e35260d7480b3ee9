"""What an Application's sources declare now, for its passes and for its deletion."""

from __future__ import annotations

from datetime import datetime, timedelta

from rollouts.api.application import Application
from rollouts.api.refs import Manifest
from rollouts.gitops.contents import Found
from rollouts.gitops.frontends import application as frontend
from rollouts.gitops.memory import UnitMemory
from rollouts.gitops.room import Room
from rollouts.gitops.source import SourceError


async def find_content(
    room: Room,
    app: Application,
    manifest: Manifest,
    *,
    memory: UnitMemory,
    now: datetime,
    revision: str = "",
    is_forced: bool = False,
) -> Found:
    """Return what the sources declare, or why that is not known.

    Args:
        manifest: the Application, whose status names the commits that served last.
        revision: that of an operation, which replaces the spec's for a single source.
        is_forced: a person asked, so what was resolved a moment ago will not do.
    """
    problem = frontend.unreadable(app)
    if problem:
        return Found(error=problem, is_build_error=True)
    try:
        return await room.contents.find(
            frontend.read_wishes(app, revision),
            memory=memory,
            now=now,
            login=room.logins.for_url,
            max_age=timedelta(0) if is_forced else room.poll,
            last_commits=frontend.known_commits(manifest),
            namespace=app.spec.destination.namespace,
        )
    except SourceError as error:  # Credentials that cannot be read.
        return Found(error=str(error))
