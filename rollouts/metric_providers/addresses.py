"""Which addresses providers may ask: an argument of a template must not reach what it should not.

A controller stands inside the cluster, and templates are written by people who may not be
trusted with all that it can reach, such as the node's credentials behind a metadata address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

EVERY_HOST = "*"

_REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), kind)
    for kind, texts in (
        (
            "a metadata address",
            (
                "169.254.169.254/32",  # AWS, Azure, Google, OpenStack and most others
                "169.254.170.2/32",  # credentials of AWS' container tasks
                "169.254.170.23/32",  # credentials of AWS' pods
                "fd00:ec2::254/128",  # AWS
                "fd00:ec2::23/128",  # credentials of AWS' pods
                "fd20:ce::254/128",  # Google
                "100.100.100.200/32",  # Alibaba
                "168.63.129.16/32",  # Azure's host
                "192.0.0.192/32",  # Oracle
            ),
        ),
        ("a link-local address", ("169.254.0.0/16", "fe80::/10")),
        ("a loopback address", ("127.0.0.0/8", "::1/128")),
        ("an unspecified address", ("0.0.0.0/8", "::/128")),
        ("a multicast address", ("224.0.0.0/4", "ff00::/8")),
        ("a reserved address", ("240.0.0.0/4",)),
    )
    for text in texts
)
_TEXTS_KEPT = 1024
"""Hosts are few, and read at every measurement."""

_LOOPBACK = "a loopback address"
_METADATA_HOSTS = frozenset({"metadata.google.internal", "metadata.goog", "instance-data"})
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
_HOST = re.compile(r"(\*\.)?[a-z0-9_]([-a-z0-9_.]{0,251}[a-z0-9_])?")


class BadAddresses(ValueError):
    """An entry of the setting is no host, address or CIDR; the message names all of them."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What may be asked.

    Attributes:
        hosts: names that may be asked, `*.suffix` for all below one, `*` for every one.
        networks: that may be asked. One that lies within a class which is refused by default,
            such as 127.0.0.0/8, lifts that; a wider one, such as 0.0.0.0/0, does not.
        trusted: hosts and ports that the operator has named, which may be loopback addresses.
    """

    hosts: frozenset[str] = frozenset({EVERY_HOST})
    networks: tuple[Network, ...] = ()
    trusted: frozenset[tuple[str, int]] = frozenset()

    def refuse_host(self, host: str) -> str:
        """Return why a host must not even be looked up; empty when it may."""
        name = _plain(host)
        if name in _METADATA_HOSTS:
            return f"{host} is a metadata address, which is refused by default"
        address = read_address(name)
        if address is None and not self.networks and not self._is_listed(name):
            return f"{host} is not among the addresses that the operator allows"
        return ""

    def refuse(self, host: str, port: int, address: Address) -> str:
        """Return why an address that a host has resolved to must not be asked; empty if it may."""
        name = _plain(host)
        shown = host if read_address(name) is not None else f"{host} ({address})"
        for each in (address, *_embedded(address)):
            kind = self._refused_kind(each)
            if kind == _LOOPBACK and (name, port) in self.trusted:
                return ""
            if kind:
                return (
                    f"{shown} is {kind}, which is refused by default; "
                    "the operator can allow it by metric_allowed_addresses"
                )
        if self._is_listed(name) or any(address in network for network in self.networks):
            return ""
        return f"{shown} is not among the addresses that the operator allows"

    def _refused_kind(self, address: Address) -> str:
        for refused, kind in _REFUSED:
            if address in refused and not any(
                address in network and _is_within(network, refused) for network in self.networks
            ):
                return kind
        return ""

    def _is_listed(self, name: str) -> bool:
        if EVERY_HOST in self.hosts or name in self.hosts:
            return True
        parts = name.split(".")
        return any(f"*.{'.'.join(parts[i:])}" in self.hosts for i in range(1, len(parts)))


def read_policy(entries: Iterable[str], trusted: Iterable[tuple[str, int]] = ()) -> AddressPolicy:
    """Read the operator's setting; no entry at all allows nothing.

    Raises:
        BadAddresses: naming every entry that cannot be read.
    """
    hosts: set[str] = set()
    networks: list[Network] = []
    problems: list[str] = []
    for entry in (each.strip().lower() for each in entries):
        network = _read_network(entry)
        if network is not None:
            networks.append(network)
        elif entry == EVERY_HOST or _HOST.fullmatch(entry):
            hosts.add(entry.rstrip("."))
        else:
            problems.append(repr(entry))
    if problems:
        raise BadAddresses(
            f"{', '.join(problems)}: write hosts, *.suffix, addresses or CIDRs, or * for every host"
        )
    return AddressPolicy(
        frozenset(hosts),
        tuple(networks),
        frozenset((_plain(host), port) for host, port in trusted),
    )


@lru_cache(maxsize=_TEXTS_KEPT)
def read_address(text: str) -> Address | None:
    """Return the address that a text is, or None for a name."""
    try:
        return ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None


def _read_network(text: str) -> Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _plain(host: str) -> str:
    """Return a host as names are compared: lower case, no brackets, no final dot, no zone."""
    return host.strip("[]").partition("%")[0].lower().rstrip(".")


def _is_within(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        return network.subnet_of(other)
    if isinstance(network, IPv6Network) and isinstance(other, IPv6Network):
        return network.subnet_of(other)
    return False


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address leads to on some networks."""
    if not isinstance(address, IPv6Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    # ::1 and :: are addresses of their own and stand in the table.
    if any(address in network for network in _NAT64) and int(address) > 0xFFFF:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
