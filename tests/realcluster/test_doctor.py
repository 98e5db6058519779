"""`dagset doctor` and the real API server: what it is asked it understands, and its answers are read right."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.realcluster.restricted import kubectl, namespace_of, user_of

pytestmark = pytest.mark.realcluster


def doctor(kubeconfig: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code and what is not plainly fine."""
    command = [sys.executable, "-m", "dagset", "doctor", "--cluster", str(kubeconfig), "-o", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ)
    return done.returncode, [each for each in json.loads(done.stdout)["checks"] if each["level"] != "ok"]


def test_admin_lacks_nothing(real_cluster: Path) -> None:
    assert (0, []) == doctor(real_cluster)


def test_user_with_the_printed_role_lacks_nothing_but_a_look_at_queues(restricted_cluster: Path) -> None:
    code, found = doctor(restricted_cluster)

    assert (0, [("left out", "queues")]) == (code, [(each["level"], each["what"]) for each in found])


def test_missing_rights_and_pod_security_are_told(real_cluster: Path, tmp_path: Path) -> None:
    with namespace_of(real_cluster) as namespace:
        without_logs = user_of(
            real_cluster,
            namespace=namespace,
            folder=tmp_path,
            change=lambda rules: [rule for rule in rules if rule["resources"] != ["pods/log"]],
        )
        kubectl(real_cluster, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
        code, found = doctor(without_logs)

    user = f"system:serviceaccount:{namespace}:runner"
    assert 0 == code
    assert ["arrays (Job)", "gangs (JobSet)", "rights", "rights", "queues"] == [each["what"] for each in found]
    assert "violates PodSecurity" in found[0]["message"]
    assert f"{user} lacks some of those that dagset asks for in namespace {namespace}" == found[2]["message"]
    assert "get pods/log: the lines of every pod; without: no lines" == found[3]["message"]


def test_namespace_that_is_not_there_is_a_problem(real_cluster: Path) -> None:
    code, (found,) = doctor(real_cluster, "-n", "dagset-no-such")

    assert (1, "problem", "the namespace") == (code, found["level"], found["what"])
