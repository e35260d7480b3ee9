"""The two strategies of a Rollout: canary, and blue-green.

This version executes canary. Blue-green is modelled, and `rollouts.api.support` refuses it.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.analysis_refs import BackgroundAnalysis, ExtraMetadata, RolloutAnalysis
from rollouts.api.base import Bool, Int32, IntOrString, Items, Model
from rollouts.api.steps import CanaryStep
from rollouts.api.traffic import WEIGHT_TOTAL, TrafficRouting

SURGE_DEFAULT = "25%"
SCALE_DOWN_DELAY_SECONDS_DEFAULT = 30
ABORT_SCALE_DOWN_DELAY_SECONDS_DEFAULT = 30


class PreferredAntiAffinity(Model):
    """Keep canary and stable pods apart where possible."""

    weight: Int32 = Field(0, description="How much it counts for the scheduler, from 1 to 100.")


class AntiAffinity(Model):
    """Keep pods of two revisions off the same node; exactly one of the two."""

    preferred_during_scheduling_ignored_during_execution: PreferredAntiAffinity | None = Field(
        None, description="Where possible."
    )
    required_during_scheduling_ignored_during_execution: dict[str, Any] | None = Field(
        None, description="Always."
    )


class PingPong(Model):
    """Two Services that take turns in being the stable one."""

    ping_service: str = Field("", description="First of the two.")
    pong_service: str = Field("", description="Second of the two.")


class ReplicaProgressThreshold(Model):
    """How many available canary pods are enough to go on."""

    type: str = Field("", description="Percent or Pod.")
    value: Int32 = Field(0, description="The number.")


class CanaryStrategy(Model):
    """Shift pods, and with a router traffic, to the new version step by step."""

    canary_service: str = Field(
        "", description="Service that selects the canary pods. Needed for trafficRouting."
    )
    stable_service: str = Field(
        "", description="Service that selects the stable pods. Needed for trafficRouting."
    )
    steps: Items[CanaryStep] = Field((), description="What to do, in order.")
    traffic_routing: TrafficRouting | None = Field(
        None, description="What splits traffic. Without it the split follows the pod counts."
    )
    max_surge: IntOrString = Field(
        SURGE_DEFAULT,
        description="How many pods more than spec.replicas may run during an update without "
        "trafficRouting; a count, or a percentage rounded up. 25% when absent.",
    )
    max_unavailable: IntOrString = Field(
        SURGE_DEFAULT,
        description="How many pods fewer than spec.replicas may be available; a count, or a "
        "percentage rounded down. 25% when absent.",
    )
    analysis: BackgroundAnalysis | None = Field(
        None, description="Measure beside the steps. Not yet supported."
    )
    anti_affinity: AntiAffinity | None = Field(
        None, description="Keep pods of two revisions off the same node."
    )
    canary_metadata: ExtraMetadata | None = Field(
        None, description="Labels and annotations of pods while they are canary."
    )
    stable_metadata: ExtraMetadata | None = Field(
        None, description="Labels and annotations of pods while they are stable."
    )
    scale_down_delay_seconds: Int32 | None = Field(
        None,
        description="How long pods of the former version stay after they lost traffic. "
        "Only with trafficRouting; 30 when absent.",
    )
    scale_down_delay_revision_limit: Int32 | None = Field(
        None, description="How many such former versions may stay; no limit when absent."
    )
    abort_scale_down_delay_seconds: Int32 | None = Field(
        None,
        description="How long canary pods stay after an abort; 0 keeps them. "
        "Only with trafficRouting; 30 when absent.",
    )
    dynamic_stable_scale: Bool = Field(
        default=False,
        description="Shrink the stable pods as traffic leaves them. Only with trafficRouting.",
    )
    ping_pong: PingPong | None = Field(
        None, description="Let two Services take turns. Not yet supported."
    )
    min_pods_per_replica_set: Int32 | None = Field(
        None, description="Fewest pods of a version that has any. Only with trafficRouting."
    )
    replica_progress_threshold: ReplicaProgressThreshold | None = Field(
        None, description="How many available canary pods are enough to go on."
    )

    @property
    def weight_max(self) -> int:
        """Return the weight that means all traffic."""
        return self.traffic_routing.max_traffic_weight if self.traffic_routing else WEIGHT_TOTAL

    @property
    def scale_down_delay(self) -> int:
        """Return the seconds that former pods stay: as set, else 30 with a router and 0 without."""
        if self.scale_down_delay_seconds is not None:
            return self.scale_down_delay_seconds
        return SCALE_DOWN_DELAY_SECONDS_DEFAULT if self.traffic_routing else 0

    @property
    def abort_scale_down_delay(self) -> int | None:
        """Return the seconds that canary pods stay after an abort; None keeps them for good."""
        seconds = self.abort_scale_down_delay_seconds
        if seconds is None:
            return ABORT_SCALE_DOWN_DELAY_SECONDS_DEFAULT
        return seconds or None


class BlueGreenStrategy(Model):
    """Run both versions in full and switch a Service between them. Not yet supported."""

    active_service: str = Field("", description="Service of production traffic.")
    preview_service: str = Field("", description="Service of the new version.")
    preview_replica_count: Int32 | None = Field(
        None, description="Pods of the new version before the switch; all when absent."
    )
    auto_promotion_enabled: Bool = Field(
        default=True, description="Switch without asking; true when absent."
    )
    auto_promotion_seconds: Int32 = Field(
        0, description="Switch after this time, when the Rollout waits for a person."
    )
    max_unavailable: IntOrString = Field(
        SURGE_DEFAULT, description="How many pods may be down during a restart; 25% when absent."
    )
    scale_down_delay_seconds: Int32 | None = Field(
        None, description="How long the former version stays; 30 when absent."
    )
    scale_down_delay_revision_limit: Int32 | None = Field(
        None, description="How many former versions may stay."
    )
    abort_scale_down_delay_seconds: Int32 | None = Field(
        None, description="How long the new version stays after an abort; 0 keeps it."
    )
    pre_promotion_analysis: RolloutAnalysis | None = Field(
        None, description="Measure before the switch."
    )
    post_promotion_analysis: RolloutAnalysis | None = Field(
        None, description="Measure after the switch."
    )
    anti_affinity: AntiAffinity | None = Field(
        None, description="Keep pods of two revisions off the same node."
    )
    preview_metadata: ExtraMetadata | None = Field(
        None, description="Labels and annotations of pods of the new version."
    )
    active_metadata: ExtraMetadata | None = Field(
        None, description="Labels and annotations of pods of the active version."
    )


class RolloutStrategy(Model):
    """How a new version replaces the old one; exactly one of the two."""

    canary: CanaryStrategy | None = Field(None, description="Step by step.")
    blue_green: BlueGreenStrategy | None = Field(
        None, description="All at once, after a preview. Not yet supported."
    )
