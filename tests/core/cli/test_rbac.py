"""`dagset rbac`: manifests that an administrator reads and applies."""

import json

import pytest
import yaml

from dagset.cluster.rights import RIGHTS

from .conftest import dagset

GROUP = "rbac.authorization.k8s.io"


def test_prints_one_rule_for_each_line_of_the_table() -> None:
    role, binding = yaml.safe_load_all(dagset("rbac", "-n", "ml", "--service-account", "runner").stdout)

    rules = [{"apiGroups": [r.group], "resources": [r.resource], "verbs": list(r.verbs)} for r in RIGHTS]
    head = {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": "dagset", "namespace": "ml"}}
    assert {**head, "rules": rules} == role
    assert {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "dagset:runner", "namespace": "ml"},
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "dagset"},
        "subjects": [{"kind": "ServiceAccount", "name": "runner", "namespace": "ml"}],
    } == binding


def test_each_rule_says_what_it_is_for_and_what_is_lost_without_it() -> None:
    text = dagset("rbac").stdout

    assert '# the lines of every pod\n# (without: no lines)\n- apiGroups: [""]\n  resources: ["pods/log"]\n' in text
    assert all(f"# {right.why}\n" in text for right in RIGHTS)


def test_json_holds_the_same() -> None:
    documents = list(yaml.safe_load_all(dagset("rbac").stdout))

    assert documents == json.loads(dagset("rbac", "-o", "json").stdout)["items"]


@pytest.mark.parametrize(
    ("options", "name", "subject"),
    [
        ([], "dagset", {"kind": "ServiceAccount", "name": "dagset", "namespace": "ml"}),
        (
            ["--service-account", "airflow:worker"],
            "dagset:airflow:worker",
            {"kind": "ServiceAccount", "name": "worker", "namespace": "airflow"},
        ),
        (["--user", "ann@x/y"], "dagset:ann@x-y", {"kind": "User", "apiGroup": GROUP, "name": "ann@x/y"}),
    ],
)
def test_who_gets_it(options: list[str], name: str, subject: dict[str, str]) -> None:
    _, binding = yaml.safe_load_all(dagset("rbac", "-n", "ml", *options).stdout)

    assert (name, [subject]) == (binding["metadata"]["name"], binding["subjects"])


def test_two_subjects_are_a_mistake() -> None:
    result = dagset("rbac", "--user", "ann", "--service-account", "x")

    assert (2, True) == (result.exit_code, "--service-account and --user: one of them" in result.stderr)
