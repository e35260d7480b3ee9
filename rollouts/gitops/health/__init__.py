"""How objects do: Argo CD's health for Applications, kstatus for Kustomizations.

Law: pure. A live object and the time go in, a status and a message come out. Live objects may
hold anything; a field of the wrong shape counts as absent, never as a crash.
"""

from rollouts.gitops.health.aggregate import Part, Total, aggregate, join, total_of, worst
from rollouts.gitops.health.assess import assess, generation_gate, is_excluded
from rollouts.gitops.health.kstatus import FluxStatus, Readiness, flux_status
from rollouts.gitops.health.model import Health, Status

__all__ = [
    "FluxStatus",
    "Health",
    "Part",
    "Readiness",
    "Status",
    "Total",
    "aggregate",
    "assess",
    "flux_status",
    "generation_gate",
    "is_excluded",
    "join",
    "total_of",
    "worst",
]
