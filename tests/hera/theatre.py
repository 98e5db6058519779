"""Workflows on the real Argo: all are submitted at once, to each somebody does something, then all are seen."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagset.cluster.access import read_kubeconfig
from dagset.cluster.transport import Transport
from dagset.cluster.weather import with_patience
from dagset.cluster.wire import Request
from tests.realcluster.restricted import kubectl

ENDED = ("Succeeded", "Failed", "Error")
# What is looked at each second: by kubectl it took most of a core, while all else had the other.
LISTS = {
    "Workflow": "apis/argoproj.io/v1alpha1/namespaces/{}/workflows",
    "JobSet": "apis/jobset.x-k8s.io/v1alpha2/namespaces/{}/jobsets",
    "Job": "apis/batch/v1/namespaces/{}/jobs",
    "Pod": "api/v1/namespaces/{}/pods",
    "ConfigMap": "api/v1/namespaces/{}/configmaps",
}
GOING_S = 60
WAIT_S = 600  # for a machine that does much else meanwhile
# Service accounts: what `dagset rbac` prints for both templates, for resources alone, and the latter without outputs.
TASK, RESOURCE, LEAN = "dagset", "resource", "lean"
RESULTS = "workflowtaskresults"
# Others, each without one verb on one resource of RESOURCE's; all on this one, by which Argo's executor tells outputs.
LACKING = {
    "no-create": ("jobsets", "create"),
    "no-get": ("jobsets", "get"),
    "no-patch": ("jobsets", "patch"),
    "no-files": ("configmaps", "patch"),
    "no-list": ("jobsets", "list"),
    "no-delete": ("jobsets", "delete"),
    "no-results": (RESULTS, ""),
}
Rules = list[dict[str, Any]]


@dataclass(frozen=True)
class Act:
    """A workflow, and what somebody does to it meanwhile."""

    workflow: dict[str, Any]
    hand: Callable[["Theatre", str], None] = lambda _theatre, _name: None


@dataclass
class Seen:
    """What was seen of one workflow: itself at its end, and every Job, JobSet and ConfigMap that there ever was."""

    workflow: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: str = ""

    @property
    def phase(self) -> str:
        return str(self.workflow.get("status", {}).get("phase", ""))

    def node(self, suffix: str) -> dict[str, Any]:
        """The node whose name ends so: `.a` is a step, `.a(0)` its first pod."""
        return next(node for node in self.workflow["status"]["nodes"].values() if node["name"].endswith(suffix))

    def outputs(self, suffix: str) -> dict[str, str]:
        return {each["name"]: each.get("value", "") for each in self.node(suffix)["outputs"]["parameters"]}

    @property
    def owners(self) -> list[str]:
        """Kind and name of each Job and JobSet that no JobSet made."""
        return sorted(f"{each['kind']} {each['metadata']['name']}" for each in self.of("Job", "JobSet"))

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [each for each in self.objects.values() if each["kind"] in kinds]


class Theatre:
    """One namespace with the service accounts of `dagset rbac --engine ...`."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig, self.namespace = kubeconfig, namespace
        self._transport = Transport(read_kubeconfig(kubeconfig))
        self._there: list[dict[str, Any]] = []  # one look for all: it takes a process
        self._looked = threading.Condition()

    def furnish(self) -> None:
        """Make the service accounts."""
        printed = {engine: self._printed(engine) for engine in ("argo", "argo-resource")}
        rules = {TASK: printed["argo"], RESOURCE: printed["argo-resource"]}
        rules[LEAN] = _without(printed["argo-resource"], RESULTS, "")
        rules |= {account: _without(printed["argo-resource"], *lacking) for account, lacking in LACKING.items()}
        self.apply(manifest for account, of in rules.items() for manifest in _account(account, of))

    def _printed(self, engine: str) -> Rules:
        command = [sys.executable, "-m", "dagset", "rbac", "-n", self.namespace, "--engine", engine, "-o", "json"]
        role, _ = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["items"]
        return role["rules"]

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return kubectl(self.kubeconfig, "-n", self.namespace, *arguments, stdin=stdin)

    def apply(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listed, default=str))

    def get(self, *what: str) -> list[dict[str, Any]]:
        return json.loads(self.kubectl("get", *what, "-o", "json"))["items"]

    def log(self, workflow: str) -> str:
        """What `argo logs` shows of it."""
        return self.kubectl("logs", "-l", f"workflows.argoproj.io/workflow={workflow}", "-c", "main", "--tail=-1")

    def play(self, acts: Mapping[str, Act]) -> dict[str, Seen]:
        """What was seen of each, when all have ended, or were deleted by a hand, and every hand is done."""
        self.apply(act.workflow for act in acts.values())
        seen = {name: Seen() for name in acts}
        failed: list[str] = []
        hands = [threading.Thread(target=self._hand, args=(name, act, failed)) for name, act in acts.items()]
        for hand in hands:
            hand.start()
        deadline = time.monotonic() + WAIT_S
        while not self._look(seen) or any(hand.is_alive() for hand in hands):
            open_ = {
                name: one.workflow.get("status", {}).get("message")
                for name, one in seen.items()
                if one.phase not in ENDED
            }
            assert time.monotonic() < deadline, f"not ended after {WAIT_S} s: {open_}; hands: {failed}"
            time.sleep(1)
        assert not failed, failed
        return seen

    def _hand(self, name: str, act: Act, failed: list[str]) -> None:
        try:
            act.hand(self, name)
        except Exception as error:  # noqa: BLE001  told by the thread that waits
            failed.append(f"{name}: {error!r}")

    def _look(self, seen: dict[str, Seen]) -> bool:
        """Take note of all there is; whether nothing is left to wait for."""
        there = [each for kind in LISTS for each in self._listed(kind)]
        with self._looked:
            self._there = there
            self._looked.notify_all()
        for each in there:
            owners = each["metadata"].get("ownerReferences", [])
            if each["kind"] == "Workflow" and each["metadata"]["name"] in seen:
                seen[each["metadata"]["name"]].workflow = each
            elif owners and owners[0]["kind"] == "Workflow" and each["kind"] != "Pod":
                seen[owners[0]["name"]].objects[each["metadata"]["uid"]] = each
        running = {each["metadata"]["name"] for each in there if each["kind"] == "Workflow"}
        return all(one.phase in ENDED or (one.workflow and name not in running) for name, one in seen.items())

    def _listed(self, kind: str) -> list[dict[str, Any]]:
        """All of a kind; as the server lists them they do not say which."""
        request = Request(f"list {kind}", "GET", "/" + LISTS[kind].format(self.namespace))
        return [{**each, "kind": kind} for each in with_patience(lambda: self._transport.answer(request))["items"]]

    # What hands do

    def until_running(self, workflow: str) -> None:
        """Wait until a pod of the workflow's node runs."""
        self.until(lambda there: any(pod["status"]["phase"] == "Running" for pod in _pods_of_node(there, workflow)))

    def until(self, is_so: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait until this is so of all that is there."""
        with self._looked:
            assert self._looked.wait_for(lambda: is_so(self._there), timeout=WAIT_S), "waited in vain"

    def until_gone(self, names: tuple[str, ...], what: str) -> None:
        """Wait until nothing of this has a name that begins so, or as long as its owners may take."""
        deadline = time.monotonic() + GOING_S
        while any(each["metadata"]["name"].startswith(names) for each in self.get(what)):
            if time.monotonic() > deadline:
                return  # what is left is a test's to say
            time.sleep(1)

    def own_pod(self, workflow: str) -> dict[str, Any]:
        """The pod of Argo's that waits for the node."""
        with self._looked:
            (pod,) = _pods_of_argo(self._there, workflow)
        return pod

    def until_replaced(self, workflow: str, pod: dict[str, Any]) -> None:
        """Wait until another pod of Argo's waits for the node."""
        uid = pod["metadata"]["uid"]
        self.until(lambda there: any(each["metadata"]["uid"] != uid for each in _pods_of_argo(there, workflow)))

    def shut_down(self, workflow: str, strategy: str) -> None:
        """What `argo stop` and `argo terminate` do (argo-workflows: util.go, patchShutdownStrategy)."""
        change = json.dumps({"spec": {"shutdown": strategy}})
        self.kubectl("patch", "workflow", workflow, "--type=merge", "-p", change)

    def evict(self, workflow: str) -> None:
        """Evict Argo's pod through the API, as a drain does."""
        pod = self.own_pod(workflow)["metadata"]["name"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.namespace},
        }
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        self.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))

    def kill(self, workflow: str, program: str) -> None:
        """Kill a program in Argo's pod as the kernel does when its memory is spent."""
        _signal(self.own_pod(workflow), program, signal.SIGKILL)

    def finish(self, workflow: str) -> None:
        """Have the node's pods end well, whose script awaits SIGUSR1."""

        def is_so(there: list[dict[str, Any]]) -> bool:
            running = [pod for pod in _pods_of_node(there, workflow) if pod["status"]["phase"] == "Running"]
            for pod in running:
                _signal(pod, "USR1", signal.SIGUSR1)
            return not running

        self.until(is_so)


def _signal(pod: dict[str, Any], program: str, number: signal.Signals) -> None:
    """Signal what runs in a pod and has this in its command line."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                pod["metadata"]["uid"] in (process / "cgroup").read_text()
                and program in (process / "cmdline").read_text()
            ):
                os.kill(int(process.name), number)
        except OSError:
            continue


def _without(rules: Rules, resource: str, verb: str) -> Rules:
    """Rules less a verb on a resource, or with "" less all on it."""
    others = [rule for rule in rules if rule["resources"] != [resource]]
    less = [{**rule, "verbs": [each for each in rule["verbs"] if each != verb]} for rule in rules if rule not in others]
    return others + [rule for rule in less if verb and rule["verbs"]]


def _account(name: str, rules: Rules) -> Iterator[dict[str, Any]]:
    """A service account with a Role of its own."""
    group = "rbac.authorization.k8s.io"
    metadata = {"name": name}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    yield {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    reference = {"apiGroup": group, "kind": "Role", "name": name}
    head = {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": metadata, "roleRef": reference}
    yield {**head, "subjects": [{"kind": "ServiceAccount", "name": name}]}


def _pods_of_argo(there: list[dict[str, Any]], workflow: str) -> list[dict[str, Any]]:
    """The running pods that Argo made for a workflow."""
    pods = [each for each in there if each["kind"] == "Pod" and each["status"]["phase"] == "Running"]
    return [pod for pod in pods if pod["metadata"]["ownerReferences"][0]["name"] == workflow]


def _pods_of_node(there: list[dict[str, Any]], workflow: str) -> list[dict[str, Any]]:
    """The pods of a node that is named after its workflow."""
    pods = [each for each in there if each["kind"] == "Pod"]
    return [
        pod for pod in pods if pod["metadata"]["labels"].get("batch.kubernetes.io/job-name", "").startswith(workflow)
    ]
