"""Where settings come from and which are refused."""

from __future__ import annotations

import argparse

import pytest

from rollouts.cli.run import add_parser
from rollouts.controller.settings import BadSettings, Settings, identity, read_settings


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["run", *arguments])


def test_without_flags_and_environment_the_defaults_hold():
    assert read_settings(parse(), {}) == Settings()


def test_the_environment_is_read():
    environment = {
        "ROLLOUTS_NAMESPACE": "shop",
        "ROLLOUTS_WORKERS": "20",
        "ROLLOUTS_LEADER_ELECT": "false",
        "ROLLOUTS_LEASE_DURATION": "1m",
        "ROLLOUTS_GIT_CACHE": "/cache",
        "ROLLOUTS_METRICS_PORT": "",
    }
    settings = read_settings(parse(), environment)

    assert settings == Settings(
        namespace="shop",
        workers=20,
        leader_elect=False,
        lease_duration=60.0,
        git_cache="/cache",
    )


def test_a_flag_beats_the_environment():
    environment = {"ROLLOUTS_WORKERS": "20", "ROLLOUTS_LEADER_ELECT": "true"}
    settings = read_settings(parse("--workers", "3", "--no-leader-elect"), environment)

    assert (settings.workers, settings.leader_elect) == (3, False)


def test_the_peers_names_of_flags_are_understood():
    settings = read_settings(
        parse("--metricsPort", "1", "--healthzPort", "2", "--loglevel", "debug"), {}
    )

    assert (settings.metrics_port, settings.health_port, settings.log_level) == (1, 2, "debug")


def test_every_setting_but_the_end_has_a_flag():
    known = vars(parse())
    missing = [name for name in Settings.__slots__ if name not in known]

    assert missing == ["shutdown_seconds"]


def test_all_mistakes_are_named_at_once():
    environment = {"ROLLOUTS_WORKERS": "many", "ROLLOUTS_GITOPS": "perhaps"}

    with pytest.raises(BadSettings) as caught:
        read_settings(parse(), environment)

    assert "ROLLOUTS_WORKERS must be a whole number, not 'many'" in str(caught.value)
    assert "ROLLOUTS_GITOPS must be true or false, not 'perhaps'" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"workers": 0}, "workers must be between 1 and 1000, not 0"),
        ({"workers": 1001}, "workers"),
        ({"metrics_port": -1}, "metrics_port"),
        ({"health_port": 65536}, "health_port"),
        ({"log_level": "loud"}, "log_level"),
        ({"log_format": "xml"}, "log_format"),
        ({"instance_id": "a b"}, "instance_id"),
        ({"instance_id": "x" * 64}, "instance_id"),
        ({"namespace": "Shop"}, "namespace"),
        ({"lease_namespace": "-"}, "lease_namespace"),
        ({"shutdown_seconds": 0}, "shutdown_seconds"),
        ({"renew_deadline": 20.0}, "lease timings"),
    ],
)
def test_what_cannot_work_is_refused(values, said):
    with pytest.raises(BadSettings, match=said):
        Settings(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"workers": 1},
        {"workers": 1000},
        {"metrics_port": 0},
        {"health_port": 65535},
        {"instance_id": "x" * 63},
    ],
)
def test_what_is_just_possible_is_taken(values):
    assert Settings(**values)


def test_an_instance_works_on_what_carries_its_label_and_has_its_own_lease():
    one = Settings(instance_id="Blue_1")

    assert one.instance_selector == "argo-rollouts.argoproj.io/controller-instance-id=Blue_1"
    assert one.lease_name == "rollouts-controller-blue-1"


def test_without_an_instance_id_only_unlabelled_objects_are_ours():
    assert Settings().instance_selector == "!argo-rollouts.argoproj.io/controller-instance-id"
    assert Settings().lease_name == "rollouts-controller"


def test_the_lease_lives_where_the_controller_does(monkeypatch):
    monkeypatch.delenv("POD_NAMESPACE", raising=False)

    assert Settings().lease_home() == "default"
    assert Settings(namespace="shop").lease_home() == "shop"

    monkeypatch.setenv("POD_NAMESPACE", "rollouts")

    assert Settings(namespace="shop").lease_home() == "rollouts"
    assert Settings(lease_namespace="ops").lease_home() == "ops"


def test_no_two_processes_have_the_same_identity():
    assert identity() != identity()


def test_the_peers_variable_for_prometheus_is_read_where_ours_is_not_set():
    peers = {"ARGO_ROLLOUTS_PROMETHEUS_ADDRESS": "http://peer:9090"}
    both = peers | {"ROLLOUTS_PROMETHEUS_ADDRESS": "http://ours:9090"}

    assert read_settings(parse(), peers).prometheus_address == "http://peer:9090"
    assert read_settings(parse(), both).prometheus_address == "http://ours:9090"


def test_metric_providers_are_given_their_part_of_the_settings():
    settings = read_settings(
        parse("--metric-allowed-addresses", "*.monitoring, 10.0.0.0/8,,"),
        {"ROLLOUTS_PROMETHEUS_ADDRESS": "http://localhost:9090"},
    )

    assert settings.providers.allowed_addresses == ("*.monitoring", "10.0.0.0/8")
    assert settings.providers.prometheus_address == "http://localhost:9090"


def test_settings_of_metric_providers_are_refused_all_at_once():
    with pytest.raises(BadSettings) as refused:
        Settings(
            prometheus_address="prometheus:hunter22",
            metric_allowed_addresses="a b,*,http://x",
            metric_ca_file="/nowhere/ca.pem",
        )

    message = str(refused.value)
    assert "metric_allowed_addresses cannot hold 'a b', 'http://x'" in message
    assert "prometheus_address must be a URL" in message
    assert "hunter22" not in message
    assert "'/nowhere/ca.pem'" in message
