"""What is exposed, under which names, and what is forgotten."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from rollouts import __version__
from rollouts.telemetry.metrics import AppSample, Metrics, RolloutSample

WEB = RolloutSample("shop", "web", "canary", "Nginx", "Paused", 5, 4, 1, 2)
APP = AppSample("argocd", "web", "default", "https://git/x", "shop", "Synced", "Healthy")


def exposed(metrics):
    """Return the values of all samples by name and labels, as Prometheus reads them."""
    text = metrics.prepare()().decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labelled(name, /, **labels):
    return (name, *sorted(labels.items()))


def test_a_rollout_is_described_in_the_peers_words():
    values = exposed(Metrics(rollouts=lambda: [WEB]))
    name = {"namespace": "shop", "name": "web"}
    info = {"strategy": "canary", "phase": "Paused"}

    assert values[labelled("rollout_info", **name, **info, traffic_router="Nginx")] == 1
    assert values[labelled("rollout_phase", **name, **info)] == 1
    for side, count in (("desired", 5), ("available", 4), ("unavailable", 1), ("updated", 2)):
        assert values[labelled(f"rollout_info_replicas_{side}", **name)] == count


def test_a_rollout_that_is_gone_leaves_nothing_behind():
    rollouts = [WEB]
    metrics = Metrics(rollouts=lambda: rollouts)
    metrics.observe_pass("shop", "web", 0.1, failed=True)
    metrics.count_event("shop", "web", "Normal", "RolloutPaused")
    metrics.count_event("shop", "web-2", "Normal", "RolloutPaused")
    rollouts.clear()
    metrics.forget("shop", "web")

    about = [each for each in exposed(metrics) if ("namespace", "shop") in each]

    assert len(about) == 1
    assert ("name", "web-2") in about[0]


def test_passes_are_counted_in_the_peers_buckets():
    metrics = Metrics()
    for seconds, failed in ((0.01, False), (0.011, False), (0.5, True), (7.0, True)):
        metrics.observe_pass("shop", "web", seconds, failed=failed)
    values = exposed(metrics)
    name = {"namespace": "shop", "name": "web"}
    bounds = ("0.01", "0.15", "0.25", "0.5", "1.0", "+Inf")
    buckets = [values[labelled("rollout_reconcile_bucket", **name, le=each)] for each in bounds]

    assert buckets == [1, 2, 2, 3, 3, 4]
    assert values[labelled("rollout_reconcile_count", **name)] == 4
    assert values[labelled("rollout_reconcile_error", **name)] == 2


def test_events_are_counted_by_type_and_reason():
    metrics = Metrics()
    for _ in range(3):
        metrics.count_event("shop", "web", "Warning", "RolloutAborted")
    labels = {"namespace": "shop", "name": "web", "type": "Warning", "reason": "RolloutAborted"}

    assert exposed(metrics)[labelled("rollout_events_total", **labels)] == 3


def test_requests_queues_and_leadership_are_exposed():
    metrics = Metrics()
    metrics.count_request("patch", "rollouts/status", "200")
    metrics.watch_depth("rollouts", lambda: 7)
    metrics.leader.set(1)
    metrics.lateness.observe(0.02)
    values = exposed(metrics)
    request = {"verb": "patch", "resource": "rollouts/status", "code": "200"}

    assert values[labelled("rollouts_api_requests_total", **request)] == 1
    assert values[labelled("rollouts_queue_depth", queue="rollouts")] == 7
    assert values[labelled("rollouts_leader")] == 1
    assert values[labelled("rollouts_wake_lateness_seconds_bucket", le="0.025")] == 1
    assert values[labelled("rollouts_build_info", version=__version__)] == 1
    assert values[labelled("process_resident_memory_bytes")] > 0


def test_applications_and_their_syncs_are_exposed():
    metrics = Metrics(apps=lambda: [APP])
    metrics.count_sync("argocd", "web", "default", "Succeeded")
    values = exposed(metrics)
    name = {"namespace": "argocd", "name": "web", "project": "default"}
    facts = {
        "repo": "https://git/x",
        "dest_namespace": "shop",
        "sync_status": "Synced",
        "health_status": "Healthy",
        "operation": "",
    }

    assert values[labelled("argocd_app_info", **name, **facts)] == 1
    assert values[labelled("argocd_app_sync_total", **name, phase="Succeeded")] == 1


def test_what_is_counted_after_the_copy_is_not_in_it():
    metrics = Metrics()
    metrics.count_event("shop", "web", "Normal", "A")
    render = metrics.prepare()
    metrics.count_event("shop", "web", "Normal", "B")

    assert b'reason="B"' not in render()


def test_label_values_cannot_break_the_format():
    evil = AppSample("a", 'x"} 1\nevil 1', "p", "r", "d", "s", "h")
    names = [each for each in exposed(Metrics(apps=lambda: [evil])) if each[0] == "evil"]

    assert names == []
