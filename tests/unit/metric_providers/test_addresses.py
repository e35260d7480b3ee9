"""Which addresses may be asked."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from rollouts.metric_providers.addresses import BadAddresses, read_policy

SPECIAL = (
    "169.254.169.254",
    "169.254.170.23",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.255.255",
    "fe80::1",
    "febf::1",
    "127.0.0.1",
    "127.255.255.255",
    "::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "239.255.255.255",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "::169.254.169.254",
)
ORDINARY = (
    "10.0.0.1",
    "100.100.100.201",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
    "172.16.0.1",
    "192.168.1.1",
    "223.255.255.255",
    "8.8.8.8",
    "2001:4860:4860::8888",
    "fd00:ec2::253",
    "fec0::1",
    "::ffff:10.0.0.1",
    "64:ff9b::808:808",
)


def refusal(policy, address, host="metrics.example.com", port=443):
    return policy.refuse(host, port, ip_address(address))


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_refused_whatever_name_leads_there(address):
    assert "refused by default" in refusal(read_policy(["*"]), address)
    assert "refused by default" in refusal(read_policy(["metrics.example.com"]), address)
    assert "refused by default" in refusal(read_policy(["0.0.0.0/0", "::/0"]), address)


@pytest.mark.parametrize("address", ORDINARY)
def test_ordinary_addresses_may_be_asked(address):
    assert refusal(read_policy(["*"]), address) == ""


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("169.254.7.0/24", "169.254.7.9"),
        ("169.254.169.254", "169.254.169.254"),
        ("fe80::/10", "fe80::1"),
    ],
)
def test_a_network_inside_a_special_one_lifts_the_refusal(entry, address):
    assert refusal(read_policy(["*", entry]), address) == ""


def test_lifting_link_local_addresses_does_not_lift_metadata():
    policy = read_policy(["*", "169.254.0.0/16"])

    assert refusal(policy, "169.254.1.1") == ""
    assert "a metadata address" in refusal(policy, "169.254.169.254")


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("prometheus.monitoring", True),
        ("PROMETHEUS.monitoring.", True),
        ("a.b.example.com", True),
        ("example.com", False),
        ("badexample.com", False),
        ("prometheus", False),
        ("xprometheus.monitoring", False),
    ],
)
def test_a_list_of_names_is_the_whole_list(host, is_allowed):
    policy = read_policy(["Prometheus.monitoring", "*.example.com"])

    assert (policy.refuse_host(host) == "") is is_allowed
    assert (refusal(policy, "10.0.0.1", host) == "") is is_allowed


def test_with_a_network_a_name_is_judged_by_its_address():
    policy = read_policy(["10.0.0.0/8"])

    assert policy.refuse_host("anything") == ""
    assert refusal(policy, "10.1.1.1", "anything") == ""
    assert "not among the addresses" in refusal(policy, "11.1.1.1", "anything")


def test_an_empty_list_allows_nothing():
    policy = read_policy([])

    assert policy.refuse_host("metrics") != ""
    assert refusal(policy, "10.0.0.1") != ""


def test_metadata_names_are_refused_before_they_are_looked_up():
    for host in ("metadata.google.internal", "Metadata.Google.Internal."):
        assert "metadata" in read_policy(["*"]).refuse_host(host)


def test_what_the_operator_named_may_be_a_loopback_address_on_that_port_alone():
    policy = read_policy(["*"], [("LocalHost", 9090)])

    assert refusal(policy, "127.0.0.1", "localhost", 9090) == ""
    assert refusal(policy, "::1", "localhost", 9090) == ""
    assert "loopback" in refusal(policy, "127.0.0.1", "localhost", 8080)
    assert "loopback" in refusal(policy, "127.0.0.1", "other", 9090)
    assert "metadata" in refusal(policy, "169.254.169.254", "localhost", 9090)


def test_every_entry_that_cannot_be_read_is_named():
    with pytest.raises(BadAddresses) as refused:
        read_policy(["fine", "a b", "10.0.0.0/33", "*x", "http://y"])

    assert str(refused.value).startswith("'a b', '10.0.0.0/33', '*x', 'http://y': write hosts")
