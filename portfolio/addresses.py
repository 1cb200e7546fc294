"""Whose address it is, for whatever is counted by address."""

import ipaddress


def household(address: str) -> str:
    """What one visitor cannot leave: an IPv4 address, or the /64 that an IPv6 one can be changed within at will.

    Some proxies add the port, which is another one for each connection. What is no address stays as it is.
    """
    bare = address.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.IPv6Address(int(ip) >> 64 << 64))
