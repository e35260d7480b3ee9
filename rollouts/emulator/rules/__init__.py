"""Validation of the built-in kinds: what users hit, in the server's own words.

A rule is a function from an object and its earlier state (None for a new one) to everything wrong
with it. A part that is the same object as before was checked when it came in, and is not again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.rules.config import (
    check_autoscaler,
    check_binding,
    check_budget,
    check_claim,
    check_config_map,
    check_event,
    check_lease,
    check_secret,
)
from rollouts.emulator.rules.definitions import check_definition
from rollouts.emulator.rules.networking import check_endpoint_slice, check_ingress, check_service
from rollouts.emulator.rules.pods import check_pod
from rollouts.emulator.rules.workloads import (
    check_cron_job,
    check_daemon_set,
    check_deployment,
    check_job,
    check_replica_set,
    check_replica_status,
    check_stateful_set,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollouts.emulator.errors import Cause
    from rollouts.emulator.resources import Manifest

RULES: dict[str, tuple[Callable[[Manifest, Manifest | None], list[Cause]], ...]] = {
    "pods": (check_pod,),
    "deployments.apps": (check_deployment,),
    "replicasets.apps": (check_replica_set, check_replica_status),
    "statefulsets.apps": (check_stateful_set,),
    "daemonsets.apps": (check_daemon_set,),
    "jobs.batch": (check_job,),
    "cronjobs.batch": (check_cron_job,),
    "services": (check_service,),
    "ingresses.networking.k8s.io": (check_ingress,),
    "endpointslices.discovery.k8s.io": (check_endpoint_slice,),
    "configmaps": (check_config_map,),
    "secrets": (check_secret,),
    "events": (check_event,),
    "persistentvolumeclaims": (check_claim,),
    "poddisruptionbudgets.policy": (check_budget,),
    "horizontalpodautoscalers.autoscaling": (check_autoscaler,),
    "rolebindings.rbac.authorization.k8s.io": (check_binding,),
    "clusterrolebindings.rbac.authorization.k8s.io": (check_binding,),
    "leases.coordination.k8s.io": (check_lease,),
    "customresourcedefinitions.apiextensions.k8s.io": (check_definition,),
}
"""The rules of each table."""
