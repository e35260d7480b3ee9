"""The Rollouts that are taken over: what the peer was doing with each when it was stopped."""

from __future__ import annotations

from datetime import timedelta

from e2e.peer.objects import STEPS, Left, Set, condition, stamp

FIRST, SECOND, THIRD = (f"web:1.{minor}" for minor in range(3))
PAUSED_FOR = timedelta(minutes=20)
OTHER_HASHES = ("5d8c9f7b64", "7c6d5b4f98")
"""As an older peer computed them: the library that prints a template has changed since."""


def healthy_status(revision):
    return {
        "phase": "Healthy",
        "currentStepIndex": len(STEPS),
        "conditions": [
            condition("Available", "True", "AvailableReason", "Rollout has minimum availability"),
            condition("Paused", "False", "RolloutPaused", "Rollout is not paused"),
            condition("Healthy", "True", "RolloutHealthy", "Rollout is healthy"),
            condition("Completed", "True", "RolloutCompleted", "RolloutCompleted"),
            condition("Progressing", "True", "NewReplicaSetAvailable",
                      f'ReplicaSet "web-{revision}" has successfully progressed.'),
        ],
    }  # fmt: skip


def paused_status(index, start):
    return {
        "phase": "Paused",
        "message": "CanaryPauseStep",
        "controllerPause": True,
        "currentStepIndex": index,
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": start}],
        "conditions": [
            condition("Available", "True", "AvailableReason", "Rollout has minimum availability"),
            condition("Completed", "False", "RolloutCompleted", "RolloutCompleted"),
            condition("Healthy", "False", "RolloutHealthy", "Rollout is not healthy"),
            condition("Paused", "True", "RolloutPaused", "Rollout is paused"),
            condition("Progressing", "Unknown", "RolloutPaused", "Rollout is paused"),
        ],
    }


def aborted_status():
    return {
        "phase": "Degraded",
        "message": "RolloutAborted: Rollout aborted update to revision 2",
        "abort": True,
        "abortedAt": stamp(timedelta(minutes=9)),
        "currentStepIndex": 0,
        "conditions": [
            condition("Available", "True", "AvailableReason", "Rollout has minimum availability"),
            condition("Completed", "False", "RolloutCompleted", "RolloutCompleted"),
            condition("Healthy", "False", "RolloutHealthy", "Rollout is not healthy"),
            condition("Paused", "False", "RolloutPaused", "Rollout is not paused"),
            condition("Progressing", "False", "RolloutAborted",
                      "Rollout aborted update to revision 2"),
        ],
    }  # fmt: skip


def healthy():
    sets = [Set(FIRST, 1, 0), Set(SECOND, 2, 0), Set(THIRD, 3, 5)]
    return Left("healthy", sets, stable=2, status=healthy_status(sets[-1].pod_hash))


def other_hash():
    sets = [
        Set(image, number, replicas, pod_hash)
        for image, number, replicas, pod_hash in (
            (FIRST, 1, 0, OTHER_HASHES[0]),
            (SECOND, 2, 5, OTHER_HASHES[1]),
        )
    ]
    return Left("other-hash", sets, stable=1, status=healthy_status(sets[-1].pod_hash))


def paused(name="paused", **fields):
    sets = [Set(FIRST, 1, 5), Set(SECOND, 2, 2)]
    return Left(name, sets, stable=0, weight=40, status=paused_status(3, stamp(PAUSED_FOR)),
                **fields)  # fmt: skip


def nearly_over():
    """A pause of an hour of which fifty-nine minutes and more are over."""
    sets = [Set(FIRST, 1, 5), Set(SECOND, 2, 1)]
    start = stamp(timedelta(minutes=59, seconds=58))
    return Left("nearly-over", sets, stable=0, weight=20, status=paused_status(1, start))


def aborted():
    sets = [Set(FIRST, 1, 5), Set(SECOND, 2, 0)]
    return Left("aborted", sets, stable=0, status=aborted_status())


def resized():
    """An autoscaler wants eight pods since the moment when the peer was stopped."""
    return paused("resized", replicas=8)


def draining():
    """Promoted half a minute ago: the former pods have a while to go."""
    late = Set(FIRST, 1, 5, deadline=stamp(timedelta(seconds=-30)))
    sets = [late, Set(SECOND, 2, 5)]
    return Left("draining", sets, stable=1, status=healthy_status(sets[-1].pod_hash))


STORIES = (healthy, other_hash, paused, nearly_over, aborted, resized, draining)
