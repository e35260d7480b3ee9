"""Runs a few calls at a time and waits for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def for_each(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], *, at_once: int
) -> list[R]:
    """Return the results in the order of the items.

    With `at_once` 1 nothing but `work` is awaited, so that a simulator can drive the caller
    call by call. An error ends the others and is raised when they are done.

    Raises:
        Exception: the first that `work` raised.
    """
    waiting = list(items)
    if at_once <= 1 or len(waiting) <= 1:
        return [await work(item) for item in waiting]
    import asyncio

    results: dict[int, R] = {}
    queue = iter(enumerate(waiting))

    async def lane() -> None:
        for index, item in queue:  # Shared: each lane takes the next one that is left.
            results[index] = await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(waiting))):
                group.create_task(lane())
    except* Exception as errors:  # noqa: BLE001  # re-raised at once: callers know single errors
        raise _first(errors) from None
    return [results[index] for index in range(len(waiting))]


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    """Return one plain error out of a group."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Exception)
    return error
