"""Say what may be repeated: a `Cluster` that tries again where that is safe, and only there.

| error       | read, apply, delete  | create, patch, update |
|-------------|----------------------|-----------------------|
| Unavailable | again                | again                 |
| Unknown     | again                | never blindly         |
| the others  | never                | never                 |

`Unavailable` means that nothing happened. After `Unknown` a write may have happened: a create
would meet its own object, a patch with a precondition its own new version. The caller must look
first. Server-side apply and deletion of a uid end in the same state however often they are done.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import tenacity

from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import ClusterError, Unavailable, Unknown
from rollouts.kube.forward import Forward

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollouts.api.refs import Kind, Manifest, ObjectRef
    from rollouts.kube.cluster import Cluster

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to try within one call.

    Attributes:
        attempts_max: including the first.
        first_seconds: the delay after the first failure; it doubles, with full jitter above half.
        delay_seconds_max: bound of one delay. A server that asks for more is not waited for here:
            the queue does that, without holding a worker.
    """

    attempts_max: int = 4
    first_seconds: float = 0.1
    delay_seconds_max: float = 2.0


class Retry:
    """Runs calls again while that is safe and patience lasts."""

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Random | None = None,
    ) -> None:
        """Use the given patience; `sleep` and `random` are injected by tests."""
        self._patience = patience or Patience()
        self._sleep = sleep
        self._random = random or Random()  # noqa: S311  # jitter needs no secrecy

    async def __call__(self, call: Callable[[], Awaitable[T]], *, repeatable: bool) -> T:
        """Await `call()` until it succeeds, must not be repeated, or patience ends.

        Args:
            repeatable: doing it twice ends in the same state as doing it once.

        Raises:
            ClusterError: that of the last attempt.
        """
        safe = (Unavailable, Unknown) if repeatable else (Unavailable,)
        # Nearly all calls succeed at once: they do not pay for the machinery of those that fail.
        failed: list[BaseException] = []
        try:
            return await call()
        except safe as error:
            failed.append(error)

        async def attempt() -> T:
            if failed:
                raise failed.pop()
            return await call()

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: self._is_worth_it(error, safe)),
            stop=tenacity.stop_after_attempt(self._patience.attempts_max),
            wait=self._delay,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(attempt)

    def _is_worth_it(self, error: BaseException, safe: tuple[type[ClusterError], ...]) -> bool:
        if not isinstance(error, safe):
            return False
        asked = error.retry_after_seconds if isinstance(error, Unavailable) else None
        return asked is None or asked <= self._patience.delay_seconds_max

    def _delay(self, state: tenacity.RetryCallState) -> float:
        doubled = self._patience.first_seconds * 2.0 ** (state.attempt_number - 1)
        delay = min(doubled, self._patience.delay_seconds_max)
        delay *= self._random.uniform(0.5, 1.0)
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after_seconds if isinstance(error, Unavailable) else None
        return delay if asked is None else max(delay, asked)


class RetryingCluster(Forward):
    """A `Cluster` that repeats what is safe to repeat.

    Evictions are passed on as they are: a refusal is the answer of a disruption budget.
    """

    def __init__(self, cluster: Cluster, retry: Retry | None = None) -> None:
        super().__init__(cluster)
        self._retry = retry or Retry()

    async def get(self, ref: ObjectRef) -> Manifest:
        """Read one object."""
        return await self._retry(partial(super().get, ref), repeatable=True)

    async def list(
        self, kind: Kind, namespace: str = "", *, label_selector: str = ""
    ) -> list[Manifest]:
        """Read all objects of a kind."""
        call = partial(super().list, kind, namespace, label_selector=label_selector)
        return await self._retry(call, repeatable=True)

    async def create(self, manifest: Manifest, kind: Kind, *, dry_run: bool = False) -> Manifest:
        """Create an object; a lost answer is not asked for again."""
        call = partial(super().create, manifest, kind, dry_run=dry_run)
        return await self._retry(call, repeatable=dry_run)

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        patch_type: PatchType = PatchType.MERGE,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Manifest:
        """Change an object; a lost answer is not asked for again."""
        call = partial(
            super().patch, ref, body, patch_type, subresource=subresource, dry_run=dry_run
        )
        return await self._retry(call, repeatable=dry_run)

    async def apply(
        self,
        ref: ObjectRef,
        manifest: Manifest,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
    ) -> Manifest:
        """Server-side apply, whose repetition changes nothing."""
        call = partial(
            super().apply, ref, manifest, field_manager=field_manager, force=force, dry_run=dry_run
        )
        return await self._retry(call, repeatable=True)

    async def update(self, ref: ObjectRef, manifest: Manifest) -> Manifest:
        """Replace an object; a lost answer is not asked for again."""
        return await self._retry(partial(super().update, ref, manifest), repeatable=False)

    async def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: str = "Background"
    ) -> None:
        """Delete an object; repeated after a lost answer only where a uid tells which one.

        Raises:
            NotFound: it is gone, perhaps by an earlier attempt of this very call.
        """
        call = partial(super().delete, ref, uid=uid, propagation=propagation)
        await self._retry(call, repeatable=bool(uid))
