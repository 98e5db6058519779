"""Certificates of one cluster, made by openssl: an authority, a server, the administrator, the node, a signing key."""

import subprocess
from pathlib import Path

from tests.realcluster.place import API_SERVICE, FIRST, GATEWAY, HarnessError, Host

_SERVER_NAMES = [
    "localhost",
    *(f"kubernetes{end}" for end in ["", ".default", ".default.svc", ".default.svc.cluster.local"]),
]
_SERVER_ADDRESSES = ["127.0.0.1", GATEWAY, API_SERVICE]  # 127.0.0.1: the relay, seen from the machine; and the webhooks
_CURVE = ["-pkeyopt", "ec_paramgen_curve:P-256"]


def write_pki(directory: Path) -> None:
    """Write ca, server, admin and node (.crt and .key), sa.key and sa.pub, and webhook/tls.* for JobSet's webhooks."""
    directory.mkdir(mode=0o700)
    _certificate(directory, "ca", "/CN=dagset-test-ca")
    names = [f"IP:{address}" for address in _SERVER_ADDRESSES] + [f"DNS:{name}" for name in _SERVER_NAMES]
    _certificate(directory, "server", "/CN=server", f"subjectAltName={','.join(names)}", issuer="ca")
    _certificate(directory, "admin", "/O=system:masters/CN=admin", issuer="ca")
    write_host(directory, FIRST)
    _openssl("genpkey", "-algorithm", "EC", *_CURVE, "-out", str(directory / "sa.key"))
    _openssl("pkey", "-in", str(directory / "sa.key"), "-pubout", "-out", str(directory / "sa.pub"))
    (directory / "webhook").mkdir()
    for suffix in ("crt", "key"):  # the names that controller-runtime looks for in its certDir
        (directory / f"webhook/tls.{suffix}").write_bytes((directory / f"server.{suffix}").read_bytes())


def write_host(directory: Path, host: Host) -> str:
    """Write the host's .crt and .key; their name."""
    name = f"node{host.suffix}"
    _certificate(directory, name, f"/O=system:nodes/CN=system:node:{host.name}", issuer="ca")
    return name


def _certificate(directory: Path, name: str, subject: str, *extensions: str, issuer: str | None = None) -> None:
    """Without an issuer: an authority that signs itself."""
    arguments = ["-newkey", "ec", *_CURVE, "-noenc", "-days", "365", "-subj", subject]
    arguments += ["-keyout", str(directory / f"{name}.key"), "-out", str(directory / f"{name}.crt")]
    if issuer:
        arguments += ["-CA", str(directory / f"{issuer}.crt"), "-CAkey", str(directory / f"{issuer}.key")]
        extensions = ("basicConstraints=critical,CA:FALSE", *extensions)
    for extension in extensions:
        arguments += ["-addext", extension]
    _openssl("req", "-x509", *arguments)


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise HarnessError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
