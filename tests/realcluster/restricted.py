"""A user of the real cluster who may do what `dagset rbac` prints, and nothing else.

Loaded by `pytest_plugins` in tests/conftest.py: `restricted_cluster` is a kubeconfig of such a user,
`restricted_user` gives one for any namespace.
"""

import contextlib
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.realcluster import build

ACCOUNT = "runner"
Rules = list[dict[str, Any]]


@pytest.fixture(scope="session")
def restricted_cluster(real_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Path of a kubeconfig whose user has exactly the printed Role in a namespace of its own, which it names."""
    with namespace_of(real_cluster) as namespace:
        yield user_of(real_cluster, namespace=namespace, folder=tmp_path_factory.mktemp("restricted"))


@pytest.fixture(scope="session")
def restricted_user(real_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Gives by namespace the kubeconfig of a user who has the printed Role there; from any thread, made once each."""
    account, folder = f"{ACCOUNT}-{uuid.uuid4().hex[:6]}", tmp_path_factory.mktemp("restricted-users")
    made: dict[str, Path] = {}
    lock = threading.Lock()

    def kubeconfig(namespace: str) -> Path:
        with lock:
            if namespace not in made:
                (folder / namespace).mkdir()
                words = {"namespace": namespace, "folder": folder / namespace, "account": account}
                made[namespace] = user_of(real_cluster, **words)
            return made[namespace]

    yield kubeconfig
    if "default" in made:  # the others go with their namespaces
        kubectl(real_cluster, "delete", f"role/{account}", f"rolebinding/{account}", f"sa/{account}", "-n", "default")


@contextlib.contextmanager
def namespace_of(admin: Path) -> Iterator[str]:
    """Name of a new namespace; it is deleted with all that is in it afterwards."""
    name = f"dagset-{uuid.uuid4().hex[:8]}"
    kubectl(admin, "create", "namespace", name)
    try:
        yield name
    finally:
        kubectl(admin, "delete", "namespace", name, "--wait=false")


def user_of(
    admin: Path,
    *,
    namespace: str,
    folder: Path,
    account: str = ACCOUNT,
    change: Callable[[Rules], Rules] = lambda rules: rules,
) -> Path:
    """Path of a kubeconfig for a new service account that has the printed Role, its rules changed by `change`."""
    command = [sys.executable, "-m", "dagset", "rbac", "-n", namespace, "--service-account", account, "-o", "json"]
    role, binding = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["items"]
    role["metadata"]["name"] = binding["metadata"]["name"] = binding["roleRef"]["name"] = account
    role["rules"] = change(role["rules"])
    kubectl(admin, "create", "serviceaccount", account, "-n", namespace)
    kubectl(admin, "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [role, binding]}))
    _wait_for(role["rules"][0], admin, namespace=namespace, account=account)
    token = kubectl(admin, "create", "token", account, "-n", namespace, "--duration=2h").strip()
    return _kubeconfig(admin, folder / f"{account}.kubeconfig", token=token, namespace=namespace)


def kubectl(kubeconfig: Path, *arguments: str, stdin: str = "") -> str:
    """What kubectl prints; fails with its words."""
    command = [f"{build.find_built()}/bin/kubectl", "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _wait_for(rule: dict[str, Any], admin: Path, *, namespace: str, account: str) -> None:
    """Return when the API server has noticed the Role, which takes it a moment."""
    group = rule["apiGroups"][0]
    question = (rule["verbs"][0], f"{rule['resources'][0]}.{group}" if group else rule["resources"][0])
    who = f"system:serviceaccount:{namespace}:{account}"
    command = [f"{build.find_built()}/bin/kubectl", "--kubeconfig", str(admin), "auth", "can-i", *question]
    deadline = time.monotonic() + 20
    while subprocess.run([*command, "-n", namespace, "--as", who], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, f"{who} has no rights after 20 s"
        time.sleep(0.1)


def _kubeconfig(admin: Path, path: Path, *, token: str, namespace: str) -> Path:
    config = yaml.safe_load(admin.read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path
