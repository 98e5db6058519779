"""Which proxy leads to a server, by the variables that everybody sets."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["proxy_for"]


def proxy_for(server: str, *, environ: Mapping[str, str]) -> str | None:
    """Return the proxy's URL, None to go directly; the rules are those of Go, and so of kubectl.

    https_proxy or http_proxy by the server's scheme, either case; never for loopback. no_proxy holds hosts, domains,
    `host:port`, addresses, CIDR blocks or `*`. Source: golang.org/x/net: http/httpproxy/proxy.go.
    """
    parts = urlsplit(server)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    proxy = _variable(environ, f"{parts.scheme}_proxy")
    if not proxy or _is_loopback(host):
        return None
    rules = [rule.strip().lower() for rule in _variable(environ, "no_proxy").split(",") if rule.strip()]
    if any(_matches(rule, host, port) for rule in rules):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _matches(rule: str, host: str, port: int) -> bool:
    if rule == "*":
        return True
    address = _address(host)
    if address is not None and "/" in rule:
        try:
            return address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    name = rule.removesuffix(f":{port}").removeprefix("*")
    return host == name if address else host == name.lstrip(".") or host.endswith("." + name.lstrip("."))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
