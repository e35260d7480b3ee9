"""Access and token reviews: everybody may do everything here, and this says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollouts.emulator.resources import Manifest, ResourceType

REASON = "the embedded cluster has no access control"
EVERYTHING = ["*"]


def review(rt: ResourceType, question: Manifest, user: str) -> Manifest:
    """Answer a review; nothing is stored."""
    about: Manifest = {"username": user, "groups": ["system:authenticated"]}
    status: Manifest
    match rt.kind:
        case "SelfSubjectReview":
            status = {"userInfo": about}
        case "TokenReview":
            token = (question.get("spec") or {}).get("token") or user
            status = {"authenticated": True, "user": {**about, "username": token}}
        case "SelfSubjectRulesReview":
            status = {
                "resourceRules": [
                    {"verbs": EVERYTHING, "apiGroups": EVERYTHING, "resources": EVERYTHING}
                ],
                "nonResourceRules": [{"verbs": EVERYTHING, "nonResourceURLs": EVERYTHING}],
                "incomplete": False,
            }
        case _:
            status = {"allowed": True, "reason": REASON}
    return {
        "kind": rt.kind,
        "apiVersion": rt.api_version,
        "metadata": {},
        "spec": question.get("spec") or {},
        "status": status,
    }
