"""How to reach an API server and who we are there: from a kubeconfig, or from inside a pod.

The one module that meets the kubernetes client, and only for users whose token a plugin fetches (exec, auth-provider):
importing the client takes a second, for it brings a thousand model classes, and everyday kubeconfigs (certificates,
tokens) need none of it.
"""

import base64
import os
import ssl
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dagset.cluster.proxies import proxy_for
from dagset.errors import DagsetError

__all__ = ["Access", "in_cluster", "read_kubeconfig"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NEEDS_THE_CLIENT = frozenset({"exec", "auth-provider", "username"})
NOT_SUPPORTED = frozenset({"as", "as-uid", "as-groups", "as-user-extra"})


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it must not show a token
class Access:
    """An API server and our credentials for it.

    `authorization` gives the header's value for the next request, None for none: tokens are renewed while we run.
    """

    server: str
    describe: str
    namespace: str = "default"
    authorization: Callable[[], str | None] = lambda: None
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    proxy: str | None = None


def read_kubeconfig(path: Path, *, context: str | None = None, environ: Mapping[str, str] = os.environ) -> Access:
    """Return the access that the file's context (default: its current one) stands for.

    Raises:
        DagsetError: naming the file, the entry and what is wrong with it; never a credential.
    """
    config = _loaded(path)
    name = context or config.get("current-context") or ""
    entry = _named(config, "contexts", name, path=path)
    cluster = _named(config, "clusters", entry.get("cluster") or "", path=path)
    user = _named(config, "users", entry["user"], path=path) if entry.get("user") else {}
    if NOT_SUPPORTED & user.keys():
        raise DagsetError(f"{path}: user {entry['user']!r}: impersonation ({', '.join(user)}) is not supported")
    server = str(cluster.get("server", "")).rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise DagsetError(f"{path}: cluster {entry['cluster']!r}: server {server!r} is no http(s) address")
    if NEEDS_THE_CLIENT & user.keys():
        tls, authorization = _by_the_client(path, name, user)
    else:
        tls, authorization = _tls(path, cluster, user), _bearer(path, user)
    return Access(
        server=server,
        describe=f"{server} (context {name}{', NOT VERIFIED' if cluster.get('insecure-skip-tls-verify') else ''})",
        namespace=entry.get("namespace") or "default",
        # As kubectl does: credentials do not travel over plain HTTP.
        authorization=authorization if server.startswith("https://") else lambda: None,
        tls=tls,
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url") or proxy_for(server, environ=environ),
    )


def in_cluster(*, environ: Mapping[str, str] = os.environ, mounted: Path = SERVICE_ACCOUNT) -> Access:
    """Return the access of the pod we run in, by its service account (kubernetes: "Accessing the API from a Pod")."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (mounted / "token").exists():
        raise DagsetError("not inside a pod with a service account: no KUBERNETES_SERVICE_HOST or no mounted token")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Access(
        server=server,
        describe=f"{server} (in-cluster)",
        namespace=(mounted / "namespace").read_text().strip(),
        authorization=lambda: f"Bearer {(mounted / 'token').read_text().strip()}",
        tls=_tls(mounted / "token", {"certificate-authority": "ca.crt"}, {}),
        proxy=proxy_for(server, environ=environ),
    )


def _loaded(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DagsetError(
            f"kubeconfig {path}: {error.strerror}; name another by --cluster or $DAGSET_CLUSTER"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DagsetError(f"kubeconfig {path} is no YAML: {type(error).__name__}") from error  # its text holds secrets
    if not isinstance(config, dict):
        raise DagsetError(f"kubeconfig {path} is no mapping with clusters, users and contexts")
    return config


def _named(config: Mapping[str, Any], section: str, name: str, *, path: Path) -> dict[str, Any]:
    """Return the body of the section's entry of that name."""
    word = section.removesuffix("s")
    entries = {entry["name"]: entry.get(word) or {} for entry in config.get(section) or [] if "name" in entry}
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        raise DagsetError(f"kubeconfig {path}: there is no {word} {name!r}; {section} in it: {known}")
    return dict(entries[name])


def _bearer(path: Path, user: Mapping[str, Any]) -> Callable[[], str | None]:
    """Return the token's giver; a token file is read each time, since it is replaced before it expires."""
    if user.get("tokenFile"):
        file = path.parent / user["tokenFile"]
        return lambda: f"Bearer {file.read_text().strip()}"
    token = user.get("token")
    return lambda: f"Bearer {token}" if token else None


def _tls(path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        authority = _pem(path, cluster, "certificate-authority")
        tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
        certificate, key = _pem(path, user, "client-certificate"), _pem(path, user, "client-key")
        if certificate or key:
            _load_pair(tls, certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, binascii.Error a ValueError
        raise DagsetError(f"kubeconfig {path}: a certificate or key in it cannot be used: {error}") from error
    # Many clusters' own authorities lack extensions that Python 3.13 insists on and Go, so kubectl, does not.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cluster.get("insecure-skip-tls-verify"):  # the user's own word in his file; `describe` shows it
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls


def _pem(path: Path, section: Mapping[str, Any], word: str) -> bytes:
    """Return what `<word>-data` holds or the file `<word>` (relative to the kubeconfig), b"" without either."""
    if section.get(f"{word}-data"):
        return base64.b64decode("".join(section[f"{word}-data"].split()), validate=True)
    return (path.parent / section[word]).read_bytes() if section.get(word) else b""


def _load_pair(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a client certificate; OpenSSL takes files only, so they exist, readable by us alone, for a moment."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate.rstrip() + b"\n" + key)
        file.flush()
        tls.load_cert_chain(file.name, password="")  # "": an encrypted key is an error, not a prompt


def _by_the_client(
    path: Path, context: str, user: Mapping[str, Any]
) -> tuple[ssl.SSLContext, Callable[[], str | None]]:
    """Let the kubernetes client run plugins and renew tokens; its Configuration says the rest."""
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_kube_config

    found = Configuration()
    try:
        load_kube_config(config_file=str(path), context=context, client_configuration=found)
    except ConfigException as error:
        raise DagsetError(f"kubeconfig {path}: context {context!r}: {error}") from error
    if not found.auth_settings() and not found.cert_file:  # the client only logs why
        command = (user.get("exec") or {}).get("command", "its auth-provider")
        raise DagsetError(f"kubeconfig {path}: {command} gave no credentials; run it by hand to see why")
    files = {"certificate-authority": found.ssl_ca_cert}
    pair = {"client-certificate": found.cert_file, "client-key": found.key_file}
    tls = _tls(path, {**files, "insecure-skip-tls-verify": not found.verify_ssl}, pair)
    lock = threading.Lock()  # the client's renewal is not made for several threads

    def authorization() -> str | None:
        with lock:
            return next((str(setting["value"]) for setting in found.auth_settings().values()), None)

    return tls, authorization
