"""Metric providers fetch other systems' numbers; they never judge them.

Law: one sample for one query, within its deadline and in bounded memory, or a `MeasurementError`
that says what came instead. No secret in a message, a log line or a sample. Retrying, counting and
judging belong to `analysis`. A provider knows no other provider and no cluster; it imports `api`,
`analysis.sample` and `telemetry.redact` only. `Providers` finds those that are installed.
"""

from rollouts.metric_providers.registry import Providers as Providers
