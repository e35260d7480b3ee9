"""What the user asked for: a valid Rollout's spec, compiled to what planning reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, TypeAlias

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_duration, parse_time

DEFAULT_REVISION_HISTORY_LIMIT = 10
DEFAULT_PROGRESS_DEADLINE = timedelta(seconds=600)
DEFAULT_SCALE_DOWN_DELAY = timedelta(seconds=30)
DEFAULT_SURGE = "25%"
DEFAULT_MAX_WEIGHT = 100
DEFAULT_RUNS_LIMIT = 5


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Send this share of requests (of the maximum weight) to the canary."""

    weight: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; `duration=None` waits for a person."""

    duration: timedelta | None


@dataclass(frozen=True, slots=True)
class SetCanaryScale:
    """Decouple the canary's size from its weight; all None follows the weight again."""

    replicas: int | None
    weight: int | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """Wait for an analysis run; only its success leads on.

    `wanted` says which templates and arguments, in the words of the API.
    """

    wanted: Manifest


@dataclass(frozen=True, slots=True)
class Background:
    """An analysis run beside the steps, from a step on until the promotion."""

    starting_step: int
    wanted: Manifest


Step: TypeAlias = SetWeight | Pause | SetCanaryScale | Analysis


@dataclass(frozen=True, slots=True)
class Nginx:
    """The nginx router's settings."""

    stable_ingresses: tuple[str, ...]
    annotation_prefix: str
    additional_annotations: Mapping[str, str]
    canary_annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many available canary pods are enough for a step: a count or a percentage."""

    percent: bool
    value: int

    def needed(self, wanted: int) -> int:
        """Return the pods that must be available of `wanted`; a percentage rounds up."""
        if self.percent:
            return ceil_div(wanted * self.value, 100)
        return min(self.value, wanted)


@dataclass(frozen=True, slots=True)
class Spec:
    """A Rollout's spec with defaults filled in and percentages still to be resolved.

    `abort_scale_down_delay` None keeps an aborted canary's pods for good.
    """

    replicas: int
    paused: bool
    selector: Manifest
    template: Manifest
    min_ready_seconds: int
    revision_history_limit: int
    progress_deadline: timedelta
    progress_deadline_abort: bool
    restart_at: datetime | None
    rollback_window: int | None
    steps: tuple[Step, ...]
    stable_service: str
    canary_service: str
    nginx: Nginx | None
    max_weight: int
    has_max_weight: bool
    max_surge: int
    max_unavailable: int
    scale_down_delay: timedelta
    scale_down_delay_revision_limit: int | None
    abort_scale_down_delay: timedelta | None
    min_pods: int
    threshold: Threshold | None
    background: Background | None = None
    successful_runs_limit: int = DEFAULT_RUNS_LIMIT
    unsuccessful_runs_limit: int = DEFAULT_RUNS_LIMIT

    @property
    def is_routed(self) -> bool:
        """Tell whether a router, rather than pod counts, splits the traffic."""
        return self.nginx is not None


def ceil_div(dividend: int, divisor: int) -> int:
    """Divide whole numbers, rounding up."""
    return -(-dividend // divisor)


def compile_spec(manifest: Manifest) -> Spec:
    """Compile the spec of a Rollout that `check_rollout` found no problem with."""
    spec = manifest["spec"]
    canary = spec["strategy"]["canary"] or {}
    replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
    routing = canary.get("trafficRouting") or {}
    surge, unavailable = _resolve_budget(canary, replicas)
    window = (spec.get("rollbackWindow") or {}).get("revisions")
    max_weight = routing.get("maxTrafficWeight")
    restart_at = spec.get("restartAt")
    runs = spec.get("analysis") or {}
    return Spec(
        replicas=replicas,
        paused=bool(spec.get("paused")),
        selector=spec["selector"],
        template=spec["template"],
        min_ready_seconds=int(spec.get("minReadySeconds") or 0),
        revision_history_limit=_default(
            spec.get("revisionHistoryLimit"), DEFAULT_REVISION_HISTORY_LIMIT
        ),
        progress_deadline=_seconds(spec.get("progressDeadlineSeconds"), DEFAULT_PROGRESS_DEADLINE),
        progress_deadline_abort=bool(spec.get("progressDeadlineAbort")),
        restart_at=parse_time(restart_at) if restart_at else None,
        rollback_window=int(window) if window else None,
        steps=tuple(_compile_step(step) for step in canary.get("steps") or ()),
        stable_service=canary.get("stableService") or "",
        canary_service=canary.get("canaryService") or "",
        nginx=_compile_nginx(routing.get("nginx")),
        max_weight=_default(max_weight, DEFAULT_MAX_WEIGHT),
        has_max_weight=max_weight is not None,
        max_surge=surge,
        max_unavailable=unavailable,
        scale_down_delay=_seconds(canary.get("scaleDownDelaySeconds"), DEFAULT_SCALE_DOWN_DELAY),
        scale_down_delay_revision_limit=canary.get("scaleDownDelayRevisionLimit"),
        abort_scale_down_delay=_abort_delay(canary.get("abortScaleDownDelaySeconds")),
        min_pods=int(canary.get("minPodsPerReplicaSet") or 0),
        threshold=_compile_threshold(canary.get("replicaProgressThreshold")),
        background=_compile_background(canary.get("analysis")),
        successful_runs_limit=_default(runs.get("successfulRunHistoryLimit"), DEFAULT_RUNS_LIMIT),
        unsuccessful_runs_limit=_default(
            runs.get("unsuccessfulRunHistoryLimit"), DEFAULT_RUNS_LIMIT
        ),
    )


def _compile_step(step: Mapping[str, Any]) -> Step:
    if "setWeight" in step:
        return SetWeight(int(step["setWeight"]))
    if "pause" in step:
        duration = (step["pause"] or {}).get("duration")
        return Pause(None if duration is None else parse_duration(duration))
    if "setCanaryScale" in step:
        scale = step["setCanaryScale"] or {}
        if scale.get("matchTrafficWeight"):
            return SetCanaryScale(None, None)
        return SetCanaryScale(scale.get("replicas"), scale.get("weight"))
    if "analysis" in step:
        return Analysis(step["analysis"])
    kinds = ", ".join(sorted(step))
    raise AssertionError(f"step {kinds} passed validation but cannot be planned")


def _compile_background(analysis: Mapping[str, Any] | None) -> Background | None:
    if analysis is None:
        return None
    return Background(int(analysis.get("startingStep") or 0), dict(analysis))


def _compile_nginx(nginx: Mapping[str, Any] | None) -> Nginx | None:
    if nginx is None:
        return None
    one, many = nginx.get("stableIngress"), nginx.get("stableIngresses")
    return Nginx(
        stable_ingresses=(one,) if one else tuple(many or ()),
        annotation_prefix=nginx.get("annotationPrefix") or "nginx.ingress.kubernetes.io",
        additional_annotations=nginx.get("additionalIngressAnnotations") or {},
        canary_annotations=nginx.get("canaryIngressAnnotations") or {},
    )


def _compile_threshold(threshold: Mapping[str, Any] | None) -> Threshold | None:
    if threshold is None:
        return None
    value = int(str(threshold["value"]).removesuffix("%"))
    return Threshold(percent=threshold.get("type") == "Percent", value=value)


def _resolve_budget(canary: Mapping[str, Any], replicas: int) -> tuple[int, int]:
    """Resolve surge (rounds up) and unavailable (rounds down); both zero makes unavailable one."""
    surge = _resolve(_default(canary.get("maxSurge"), DEFAULT_SURGE), replicas, up=True)
    unavailable = _resolve(
        _default(canary.get("maxUnavailable"), DEFAULT_SURGE), replicas, up=False
    )
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas)


def _resolve(value: Any, replicas: int, *, up: bool) -> int:
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    share = Fraction(int(text[:-1]) * replicas, 100)
    return -(-share.numerator // share.denominator) if up else int(share)


def _default(value: Any, default: Any) -> Any:
    return default if value is None else value


def _seconds(value: Any, default: timedelta) -> timedelta:
    return default if value is None else timedelta(seconds=int(value))


def _abort_delay(value: Any) -> timedelta | None:
    if value is None:
        return DEFAULT_SCALE_DOWN_DELAY
    return timedelta(seconds=int(value)) if int(value) else None
