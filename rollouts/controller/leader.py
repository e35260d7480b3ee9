"""Leadership by a Lease: at most one of several controllers works, and it knows when to stop.

The holder renews the Lease. When it cannot for `renew_deadline`, it stops working, which is
before others may take the Lease over at `lease_duration`. A holder that was frozen in between
finds out before its next write: see `may_write`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

from rollouts.api.refs import LEASE, Manifest, ObjectRef
from rollouts.kube.errors import AlreadyExists, ClusterError, Conflict, Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rollouts.kube.cluster import Cluster

log = logging.getLogger(__name__)

RELEASED_SECONDS = 1
"""Duration of a Lease that was given up: whoever comes next need not wait."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a Lease is held, tried to be renewed, and between tries; in seconds.

    The defaults are those of every Kubernetes controller.
    """

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry_period < self.renew_deadline < self.lease_duration:
            raise ValueError(
                "lease timings must satisfy 0 < retry period < renew deadline < lease duration,"
                f" not {self.retry_period:g} < {self.renew_deadline:g} < {self.lease_duration:g}"
            )


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on two clocks: suspending a machine stops the first, a person moves the other."""

    monotonic: float
    wall: datetime

    def seconds_until(self, later: Moment) -> float:
        """Return how much time has passed, by the clock that says more."""
        by_wall = (later.wall - self.wall).total_seconds()
        return max(later.monotonic - self.monotonic, by_wall)


class Leader:
    """Competes for one Lease until cancelled.

    Attributes:
        is_leading: we hold the Lease and work.
        contact_at: loop time of the last answer about the Lease; None before the first.
        refusal: what the server said when the right to the Lease was missing at the last try.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        name: str,
        identity: str,
        timing: Timing | None = None,
        clock: Callable[[], datetime],
        on_started: Callable[[], None],
        on_stopped: Callable[[], Awaitable[None]],
        random: Random | None = None,
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            identity: of this process; never used again after a restart.
            on_started: called when leadership begins.
            on_stopped: awaited when it ends. It must return within the time between
                `renew_deadline` and `lease_duration`; after that, others work.
        """
        self.is_leading = False
        self.contact_at: float | None = None
        self.refusal = ""
        self._cluster = cluster
        self._ref = ObjectRef(LEASE, namespace, name)
        self._identity = identity
        self._timing = timing or Timing()
        self._clock = clock
        self._on_started = on_started
        self._on_stopped = on_stopped
        self._random = random or Random()  # noqa: S311  # jitter needs no secrecy
        self._lease: Manifest | None = None
        self._version = ""
        # A write was sent and its answer is not known: the Lease may be ours all the same.
        self._unsure = False
        self._seen: Moment | None = None
        self._renewed: Moment | None = None

    def may_write(self) -> bool:
        """Tell whether nobody else can have taken over: to be asked before every write."""
        if not self.is_leading or self._renewed is None:
            return False
        return self._renewed.seconds_until(self._now()) < self._timing.lease_duration

    async def run(self) -> None:
        """Compete, lead, stop when leadership is lost, and compete again; release at the end."""
        try:
            while True:
                await self._compete()
                log.info("leading", extra={"lease": str(self._ref), "identity": self._identity})
                self.is_leading = True
                self._on_started()
                await self._hold()
                log.error("leadership lost, stopping work", extra={"lease": str(self._ref)})
                await self._stop()
        finally:
            if self.is_leading:
                await self._stop()
            await self._release()

    async def _stop(self) -> None:
        await self._on_stopped()
        self.is_leading = False

    async def _compete(self) -> None:
        while not await self._try(self._acquire):
            # With jitter, so that stand-bys do not all come at the same moment.
            delay = self._timing.retry_period * self._random.uniform(1.0, 1.2)
            await asyncio.sleep(delay)

    async def _hold(self) -> None:
        """Renew until that has failed for too long."""
        while True:
            await asyncio.sleep(max(0.0, min(self._timing.retry_period, self._left())))
            left = self._left()
            if left <= 0:
                return
            try:
                # A request that hangs must not make us believe that we lead.
                async with asyncio.timeout(left):
                    renewed = await self._try(self._renew)
            except TimeoutError:
                return
            if not renewed and not self._is_ours():
                return

    def _left(self) -> float:
        assert self._renewed is not None, "the Lease was acquired before"
        return self._timing.renew_deadline - self._renewed.seconds_until(self._now())

    async def _try(self, attempt: Callable[[], Awaitable[bool]]) -> bool:
        try:
            done = await attempt()
        except (Conflict, AlreadyExists):
            self._lease = None  # somebody was faster: read it anew
            self._touch()
            return False
        except ClusterError as error:
            # What was sent may have been stored: read it anew before writing again.
            self._lease = None
            self.refusal = str(error) if isinstance(error, Forbidden) else ""
            log.warning("lease", extra={"lease": str(self._ref), "error": str(error)})
            return False
        self.refusal = ""
        self._touch()
        return done

    async def _acquire(self) -> bool:
        if await self._read() is None:
            return await self._create()
        if self._holder() not in ("", self._identity) and not self._is_expired():
            return False
        return await self._write(transitions=int(self._spec().get("leaseTransitions", 0)) + 1)

    async def _renew(self) -> bool:
        if self._lease is None and await self._read() is None:
            return await self._create()  # somebody deleted it; whoever is first has it
        return self._holder() == self._identity and await self._write()

    async def _create(self) -> bool:
        started = self._now()
        manifest = self._manifest(started, transitions=0, acquired=started.wall)
        self._unsure = True
        self._adopt(await self._cluster.create(manifest, LEASE), started)
        return True

    async def _write(self, transitions: int | None = None) -> bool:
        """Take or keep the Lease that was read, unless it has changed since."""
        assert self._lease is not None, "a Lease is read before it is written"
        # Our time runs from before the request, others' from when they see its effect.
        started = self._now()
        spec = self._spec()
        kept = transitions is None
        manifest = self._manifest(
            started,
            transitions=int(spec.get("leaseTransitions", 0))
            if transitions is None
            else transitions,
            acquired=spec.get("acquireTime", started.wall) if kept else started.wall,
        )
        body = self._lease | {"spec": manifest["spec"]}
        self._unsure = True
        self._adopt(await self._cluster.update(self._ref, body), started)
        return True

    async def _release(self) -> None:
        """Give the Lease up, so that the next one need not wait for its end."""
        try:
            if self._unsure:
                await self._read()
            lease = self._lease
            if lease is None or self._holder() != self._identity:
                return
            # Servers since 1.31 refuse a holder that is there but empty.
            spec = {key: value for key, value in self._spec().items() if key != "holderIdentity"}
            spec["leaseDurationSeconds"] = RELEASED_SECONDS
            await self._cluster.update(self._ref, lease | {"spec": spec})
        except ClusterError as error:
            log.warning("lease not released", extra={"error": str(error)})
        else:
            log.info("lease released", extra={"lease": str(self._ref)})

    async def _read(self) -> Manifest | None:
        try:
            lease = await self._cluster.get(self._ref)
        except NotFound:
            self._lease = None
            return None
        # Expiry is counted from when we saw the last change: clocks of two machines differ.
        if self._seen is None or _version(lease) != self._version:
            self._seen = self._now()
        self._lease = lease
        self._version = _version(lease)
        return lease

    def _adopt(self, lease: Manifest, started: Moment) -> None:
        self._unsure = False
        self._lease = lease
        self._version = _version(lease)
        self._seen = started
        self._renewed = started

    def _manifest(self, now: Moment, *, transitions: int, acquired: datetime | str) -> Manifest:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": self._ref.name, "namespace": self._ref.namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": max(1, round(self._timing.lease_duration)),
                "acquireTime": acquired if isinstance(acquired, str) else _micro_time(acquired),
                "renewTime": _micro_time(now.wall),
                "leaseTransitions": transitions,
            },
        }

    def _spec(self) -> dict[str, Any]:
        spec: dict[str, Any] | None = self._lease.get("spec") if self._lease else None
        return spec or {}

    def _holder(self) -> str:
        return str(self._spec().get("holderIdentity") or "")

    def _is_ours(self) -> bool:
        """Tell whether the Lease, as far as we know, is ours: unknown counts as ours still."""
        return self._lease is None or self._holder() == self._identity

    def _is_expired(self) -> bool:
        assert self._seen is not None, "a Lease was read"
        # The holder's own duration counts, as it may run with other settings. Only the monotonic
        # clock counts here: a wall clock that jumps ahead must not take a Lease from its holder.
        duration = float(self._spec().get("leaseDurationSeconds") or self._timing.lease_duration)
        return self._now().monotonic - self._seen.monotonic >= duration

    def _now(self) -> Moment:
        return Moment(asyncio.get_running_loop().time(), self._clock())

    def _touch(self) -> None:
        self.contact_at = asyncio.get_running_loop().time()


def _version(lease: Manifest) -> str:
    return str(lease["metadata"].get("resourceVersion", ""))


def _micro_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
