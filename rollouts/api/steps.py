"""The steps of a canary: every kind of the peer's API, exactly one to a step.

Executed by this version: `setWeight`, `pause`, `setCanaryScale`. The other kinds are modelled,
and `rollouts.api.support` refuses a Rollout that uses one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import Field

from rollouts.api.analysis_refs import ExperimentStep, RolloutAnalysis
from rollouts.api.base import Bool, Int32, IntOrString, Items, Model
from rollouts.api.times import parse_duration

STEPS_MAX = 1000
"""Most steps of a canary: far above any that a person wrote, and a bound for what a rule may cost.

Differs from the peer, which has no bound of its own.
"""


class Pause(Model):
    """Wait for a time, or without `duration` for a person."""

    duration: IntOrString | None = Field(
        None,
        description="How long to wait: seconds, or text such as 30s, 10m, 1h30m. "
        "Without it the Rollout waits until a person promotes it.",
    )

    @property
    def delay(self) -> timedelta | None:
        """Return how long to wait; None waits for a person."""
        return None if self.duration is None else parse_duration(self.duration)


class SetCanaryScale(Model):
    """Set the number of canary pods apart from the weight, until another step changes it."""

    replicas: Int32 | None = Field(None, description="Number of canary pods.")
    weight: Int32 | None = Field(
        None, description="Canary pods as a percentage of spec.replicas, whatever the traffic."
    )
    match_traffic_weight: Bool = Field(
        default=False, description="Let the canary pods follow the traffic weight again."
    )


class StringMatch(Model):
    """How a text is compared; exactly one of the three."""

    exact: str = Field("", description="The text is exactly this.")
    prefix: str = Field("", description="The text begins with this.")
    regex: str = Field("", description="The text matches this regular expression.")


class HeaderMatch(Model):
    """A request header and the value it must have."""

    header_name: str = Field(description="Name of the header.")
    header_value: StringMatch = Field(description="What its value must be.")


class SetHeaderRoute(Model):
    """Send requests with certain headers to the canary."""

    name: str = Field("", description="Name of the route; must stand in managedRoutes.")
    match: Items[HeaderMatch] = Field((), description="Headers to match; none removes the route.")


class RouteMatch(Model):
    """Which requests are mirrored."""

    method: StringMatch | None = Field(None, description="The HTTP method.")
    path: StringMatch | None = Field(None, description="The path of the URL.")
    headers: dict[str, StringMatch] = Field(
        default_factory=dict, description="Headers by name, and what their values must be."
    )


class SetMirrorRoute(Model):
    """Send copies of certain requests to the canary."""

    name: str = Field(description="Name of the route; must stand in managedRoutes.")
    match: Items[RouteMatch] = Field((), description="Requests to copy; none removes the route.")
    percentage: Int32 | None = Field(None, description="Share of the matched requests to copy.")


class PluginStep(Model):
    """A step that is carried out by a plugin."""

    name: str = Field(description="Name of the plugin.")
    config: Any = Field(None, description="Settings, as the plugin defines them.")


class CanaryStep(Model):
    """One step of a canary: exactly one of these fields."""

    set_weight: Int32 | None = Field(
        None, description="Share of traffic for the canary, from 0 to maxTrafficWeight (100)."
    )
    pause: Pause | None = Field(None, description="Wait for a time, or for a person.")
    set_canary_scale: SetCanaryScale | None = Field(
        None, description="Set the number of canary pods apart from the weight."
    )
    analysis: RolloutAnalysis | None = Field(
        None, description="Measure, and go on only when the result is good. Not yet supported."
    )
    experiment: ExperimentStep | None = Field(
        None, description="Run versions side by side for a while. Not yet supported."
    )
    set_header_route: SetHeaderRoute | None = Field(
        None, description="Send requests with certain headers to the canary. Not yet supported."
    )
    set_mirror_route: SetMirrorRoute | None = Field(
        None, description="Send copies of certain requests to the canary. Not yet supported."
    )
    plugin: PluginStep | None = Field(None, description="Let a plugin act. Not supported.")

    @property
    def kind(self) -> str:
        """Return the wire name of what this step does, such as `setWeight`.

        A step that `check_rollout` accepts has exactly one.
        """
        for name, key in _STEP_FIELDS:
            if getattr(self, name) is not None:
                return key
        return ""


_STEP_FIELDS = tuple((name, field.alias or name) for name, field in CanaryStep.model_fields.items())

STEP_KINDS: tuple[str, ...] = tuple(key for _, key in _STEP_FIELDS)
"""Every key that a step may hold, by its wire name."""
