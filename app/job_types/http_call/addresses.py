"""Which addresses a job may speak to: those of the world, not those behind our own walls.

A job that asks a URL must not become a way into this machine, its network, or the metadata service of a cloud. The
check looks at the very address that is connected to, so neither a spelling (``0x7f000001``) nor a name that resolves to
something else the second time gets past it.
"""

import ipaddress
from collections.abc import Iterator

from app.core.job_types import JobError
from app.core.statuses import FailureReason
from app.job_types.http_call.exchange import CheckAddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")
"""Of IETF protocol assignments; a cloud has its metadata at 192.0.0.192, and Python 3.11 calls that global."""


def guard(host: str, allowed: str) -> CheckAddress:
    """Make the check for one host. ``allowed`` is the administrator's list: host names and networks, with commas."""
    words = [word.strip().lower() for word in allowed.split(",") if word.strip()]
    networks = list(_networks(words))

    def check(address: str) -> None:
        found = ipaddress.ip_address(address.partition("%")[0])
        if host.lower() in words or any(found in network for network in networks):
            return
        if not all(is_public(each) for each in _meant(found)):
            raise JobError(
                f"{host} is {found}, an address of this machine or of a private network; an administrator can allow"
                " it in CARILLON_HTTP_ALLOW",
                FailureReason.CONFIG,
            )

    return check


def is_public(address: Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address in PROTOCOLS
    return address.is_global and not special


def _meant(address: Address) -> Iterator[Address]:
    """The address, and an IPv4 address that is hidden in it."""
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in NAT64:
            hidden = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if hidden:
            yield hidden
            if address.ipv4_mapped or address in NAT64:
                return
    yield address


def _networks(words: list[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for word in words:
        try:
            yield ipaddress.ip_network(word, strict=False)
        except ValueError:
            continue  # a name
