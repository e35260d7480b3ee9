"""Servers on loopback ports, and what tests ask metric providers."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

from aiohttp import web

from rollouts.metric_providers.provider import ProviderSettings, Query

LOOPBACK = ("*", "127.0.0.0/8", "::1")
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@contextlib.asynccontextmanager
async def serving(handler, *, ssl_context=None):
    """A server that gives every request to a handler; yields its URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl_context)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http{'s' if ssl_context else ''}://{host}:{port}"
    finally:
        await runner.cleanup()


def query(config, *, secrets=(), seconds=5.0, now=NOW, **more):
    """A query with the deadline that a controller would give."""
    deadline = now + timedelta(seconds=seconds)
    return Query("errors", "shop", config, now=now, deadline=deadline, secrets=secrets, **more)


def settings(**more):
    """What an operator sets who lets providers ask loopback addresses."""
    return ProviderSettings(**{"allowed_addresses": LOOPBACK} | more)


@contextlib.asynccontextmanager
async def made(make, **more):
    """A provider with settings, closed at the end."""
    provider = make(settings(**more))
    try:
        yield provider
    finally:
        await provider.close()
