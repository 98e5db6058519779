"""The table of rights as a Role and its RoleBinding."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from dagset.cluster.rights import GANG_GROUPS, RIGHTS, Right
from dagset.compile.render import Dumper

__all__ = ["ENGINES", "manifests", "subject", "with_comments"]

Manifest = dict[str, Any]
NAME = "dagset"
GROUP = "rbac.authorization.k8s.io"  # kubernetes/api: rbac/v1
OF_CHECK = "dagset check"
TASK_RESULTS = ("argoproj.io", "workflowtaskresults", ("create", "patch"))
MADE = ("create", "patch")  # applied by the server
ADOPTED = ("create", "get", "patch")
# What a Workflow's service account needs (argo-workflows: docs/workflow-rbac.md).
ENGINES: dict[str, tuple[Right, ...]] = {
    "argo": (
        *(right for right in RIGHTS if not right.why.startswith(OF_CHECK)),
        Right(
            "", "pods", ("get",), "a supervisor tells a stop from its own eviction", without="stops leave nodes running"
        ),
        Right(
            "argoproj.io",
            "workflows",
            ("get",),
            "a supervisor tells a stop from its own eviction where podGC deletes its pod",
            without="stops of Workflows with a podGC may leave nodes running",
        ),
        Right(*TASK_RESULTS, "Argo's executor reports outputs"),
    ),
    "argo-resource": (
        Right("jobset.x-k8s.io", "jobsets", ADOPTED, "gangs: create, adopt, read the end", without="arrays only"),
        Right("batch", "jobs", ADOPTED, "arrays: create, adopt, read the end", without="gangs only"),
        Right(
            *TASK_RESULTS,
            "Argo's executor reports outputs",
            without="report=False only; and then a Workflow outlives an executor that was killed for its memory",
        ),
        Right("", "configmaps", MADE, "`files` of nodes", without="no `files`"),
        Right("", "services", MADE, "host names in a gang of kind: job", without="no gangs of kind: job"),
        *(
            Right(group, "podgroups", MADE, f"gangs with scheduler: {names}", without="no such gangs")
            for group, names in GANG_GROUPS.items()
        ),
        Right("jobset.x-k8s.io", "jobsets", ("delete", "list"), "cleanup() of gangs", without="no cleanup()"),
        Right("batch", "jobs", ("delete", "list"), "cleanup() of arrays", without="no cleanup()"),
        Right(
            "", "configmaps", ("delete", "list"), "cleanup() of `files`", without="`files` stay as the Workflow does"
        ),
    ),
}
HEAD = """# The least that dagset needs in namespace {namespace}. Not in it, for they are cluster-wide or delicate:
# get on workloadpriorityclasses, secrets and persistentvolumeclaims; `dagset check` looks them up where it may.
"""


def subject(service_account: str, user: str | None, *, namespace: str) -> Manifest:
    """Return who gets the rights: the user, else the service account `NAME` or `NAMESPACE:NAME`."""
    if user:
        return {"kind": "User", "apiGroup": GROUP, "name": user}
    where, _, name = service_account.rpartition(":")
    return {"kind": "ServiceAccount", "name": name, "namespace": where or namespace}


def manifests(
    *, namespace: str, to: Manifest, rights: Sequence[Right] = RIGHTS, name: str = NAME
) -> tuple[Manifest, Manifest]:
    """Return the Role `name` with one rule for each line of the table, and the RoleBinding."""
    rules = [{"apiGroups": [r.group], "resources": [r.resource], "verbs": list(r.verbs)} for r in rights]
    head = {"apiVersion": f"{GROUP}/v1"}
    metadata = {"name": name, "namespace": namespace}
    role = {**head, "kind": "Role", "metadata": metadata, "rules": rules}
    reference = {"apiGroup": GROUP, "kind": "Role", "name": name}
    # One binding for each subject: applied for a second one, it adds.
    own = {**metadata, "name": _binding_name(to, namespace, name)}
    return role, {**head, "kind": "RoleBinding", "metadata": own, "roleRef": reference, "subjects": [to]}


def with_comments(role: Manifest, binding: Manifest, *, rights: Sequence[Right] = RIGHTS) -> str:
    """Return both as YAML documents; each rule says what it is for."""
    without_rules = {key: value for key, value in role.items() if key != "rules"}
    lines = [HEAD.format(namespace=role["metadata"]["namespace"]), _yaml(without_rules), "rules:\n"]
    for right, rule in zip(rights, role["rules"], strict=True):
        lines += [f"# {right.why}\n", f"# (without: {right.without})\n" if right.without else "", _rule(rule)]
    return "".join([*lines, "---\n", _yaml(binding)])


def _rule(rule: Manifest) -> str:
    """Return a rule as people write them: one line for each of its three lists."""
    first, *others = (f"{key}: {json.dumps(values)}\n" for key, values in rule.items())
    return f"- {first}" + "".join(f"  {line}" for line in others)


def _binding_name(to: Manifest, namespace: str, name: str) -> str:
    """Return a name of its own for each subject; an RBAC name may hold colons (kubernetes: pkg/apis/rbac)."""
    whose = to["name"] if to.get("namespace", namespace) == namespace else f"{to['namespace']}:{to['name']}"
    return name if whose == name else f"{name}:{whose.replace('/', '-').replace('%', '-')}"


def _yaml(value: object) -> str:
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, width=2**31)
