"""`dagset supervise`: a pod that stands for a node; what an engine gets of it, and what becomes of the node."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from dagset.cluster.rights import RIGHTS
from dagset.errors import ClusterRefused
from dagset.run.supervise import ChosenLines, tell_its_end
from dagset.run.supervision import is_going_on, is_leaving, is_to_end, node_message, owned, shown_exit_code

from .conftest import PlayedCluster, dagset, ended, plays, pod_of

SUPERVISOR = {"kind": "Pod", "metadata": {"name": "me"}, "status": {"phase": "Running"}}
OWNER = "argoproj.io/v1alpha1 Workflow nightly u-1"


def supervise(node: Path, cluster: PlayedCluster, folder: Path, *options: str) -> Result:
    files = ["--outputs", folder / "out", "--message", folder / "message", "--progress", folder / "progress"]
    whose = ["--run", "u-1", "--task", "main.train", "--owned-by", OWNER, "--pod", "me"]
    cluster.put(SUPERVISOR, namespace="default")
    return dagset("supervise", node, *map(str, files), *whose, *options, cluster=cluster)


def outputs(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "out").iterdir()}


def jobs(cluster: PlayedCluster) -> list[dict[str, Any]]:
    return cluster.list("Job", namespace="default", labels={}).items


def test_a_failed_node_ends_the_pod_with_its_code_a_message_and_outputs(node_file: Path, tmp_path: Path) -> None:
    cluster = PlayedCluster(plays(3, "one", "two"))

    result = supervise(node_file, cluster, tmp_path)

    (job,) = jobs(cluster)
    name = job["metadata"]["name"]
    assert (3, "worker[0] one\nworker[0] two\n") == (result.exit_code, result.stdout)
    message = "worker[0] exited 3 on host-7: ValueError: bad"
    expected = f"app_error: {message}\n| Traceback:\n| ValueError: bad"
    assert expected == (tmp_path / "message").read_text()
    told = outputs(tmp_path)
    assert {"name": name, "reason": "app_error", "message": message} == {
        key: json.loads(told["outcome"])[key] for key in ("name", "reason", "message")
    }
    assert {
        "name": name,
        "reason": "app_error",
        "exit-code": "3",
        "restarts": "0",
        "failed-indexes": "0",
        "message": message,
        "outcome": told["outcome"],
    } == told
    reference = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "nightly", "uid": "u-1"}
    assert [{**reference, "controller": True}] == job["metadata"]["ownerReferences"]


def test_progress_is_of_pods_that_ended_well(node_file: Path, tmp_path: Path) -> None:
    def play(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
        cluster.put({**owner, "status": {"succeeded": 0, "active": 1}}, namespace="default")
        cluster.put(pod_of(owner), namespace="default")
        end = threading.Timer(0.2, lambda: cluster.put(ended(owner, well=True), namespace="default"))
        end.start()

    assert 0 == supervise(node_file, PlayedCluster(play), tmp_path).exit_code
    assert "1/1\n" == (tmp_path / "progress").read_text()


@pytest.mark.parametrize("choice", ["failed", "none"])
def test_lines_of_pods_that_fail_are_shown_unless_none_are(node_file: Path, tmp_path: Path, choice: str) -> None:
    result = supervise(node_file, PlayedCluster(plays(3, "one")), tmp_path, "--lines", choice)

    assert ("worker[0] one\n" if choice == "failed" else "") == result.stdout


def test_the_first_pod_of_a_role_is_the_one_with_index_0() -> None:
    cluster, read = PlayedCluster(), []
    owner = cluster.create({"kind": "Job", "metadata": {"name": "a", "labels": {}}}, namespace="default")
    ref = type("R", (), {"namespace": "default"})()
    lines = ChosenLines(cluster, ref=ref, sink=lambda prefix, text: read.append(prefix), choice="first")
    for index in (0, 1):
        pod = pod_of(owner, exit_code=0, index=index)
        cluster.put(pod, namespace="default")
        cluster.say(pod["metadata"]["name"], "2026-01-01T00:00:00Z hello", namespace="default")
        lines.feed(cluster.get("Pod", namespace="default", name=pod["metadata"]["name"]))
    lines.finish(patience_s=0)

    assert ["worker[0]"] == read


def interrupting(change: dict[str, Any], *, times: int = 1) -> PlayedCluster:
    """A node that runs; as soon as it does, the supervisor's pod is changed and gets SIGTERM, once or more."""
    main = threading.main_thread().ident

    def play(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
        cluster.put(pod_of(owner), namespace="default")
        cluster.put({**SUPERVISOR, **change}, namespace="default")
        for number in range(times):
            threading.Timer(0.3 + 0.2 * number, lambda: signal.pthread_kill(main, signal.SIGTERM)).start()

    return PlayedCluster(play)


@pytest.mark.parametrize("times", [1, 3])
def test_sigterm_deletes_the_node_however_often_it_comes(node_file: Path, tmp_path: Path, times: int) -> None:
    cluster = interrupting({}, times=times)

    result = supervise(node_file, cluster, tmp_path)

    assert (120, []) == (result.exit_code, jobs(cluster))
    assert "cancelled" == outputs(tmp_path)["reason"]


EVICTED = {"status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}}
DELETED = {"metadata": {"name": "me", "deletionTimestamp": "2026-01-01T00:00:00Z"}}


@pytest.mark.parametrize("change", [EVICTED, DELETED], ids=["evicted", "deleted"])
def test_sigterm_of_a_pod_that_has_to_go_leaves_the_node_and_the_next_one_adopts_it(
    node_file: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    cluster = interrupting(change)
    result = supervise(node_file, cluster, tmp_path)
    (left,) = jobs(cluster)
    cluster.play = lambda _cluster, _owner: None
    cluster.put(ended_soon(left), namespace="default")

    assert 143 == result.exit_code
    assert "this pod has to go: the node runs on" in result.stderr
    threading.Timer(0.2, lambda: cluster.put(ended(left, well=True), namespace="default")).start()
    again = supervise(node_file, cluster, tmp_path)
    assert (0, left["metadata"]["name"]) == (again.exit_code, outputs(tmp_path)["name"])
    assert 1 == len(jobs(cluster))


def ended_soon(owner: dict[str, Any]) -> dict[str, Any]:
    return {**owner, "status": {"active": 1}}


@pytest.mark.parametrize("exit_code", [0, 3])
def test_a_node_that_ended_while_nobody_looked_is_told_and_not_run_again(
    node_file: Path, tmp_path: Path, exit_code: int
) -> None:
    cluster = interrupting(DELETED)
    supervise(node_file, cluster, tmp_path)
    (left,) = jobs(cluster)
    plays(exit_code)(cluster, left)

    assert exit_code == supervise(node_file, cluster, tmp_path).exit_code
    assert [left["metadata"]["name"]] == [job["metadata"]["name"] for job in jobs(cluster)]


def test_a_failure_that_was_told_is_followed_by_an_attempt_with_an_object_of_its_own(
    node_file: Path, tmp_path: Path
) -> None:
    cluster = PlayedCluster(plays(3))

    assert [3, 3] == [supervise(node_file, cluster, tmp_path).exit_code for _ in range(2)]
    assert ["1", "2"] == sorted(job["metadata"]["labels"]["dagset.io/generation"] for job in jobs(cluster))


def test_one_that_cannot_see_its_own_pod_says_at_once_what_that_means(node_file: Path, tmp_path: Path) -> None:
    class Blind(PlayedCluster):
        def get(self, kind: str, *, namespace: str, name: str) -> dict[str, Any]:
            if kind == "Pod":
                raise ClusterRefused("pods is forbidden", status=403, reason="Forbidden")
            return super().get(kind, namespace=namespace, name=name)

    result = supervise(node_file, Blind(plays(0)), tmp_path)

    said = "cannot tell a stop from an eviction, so SIGTERM leaves the node running: pods is forbidden"
    assert (0, True) == (result.exit_code, said in result.stderr)


def test_what_never_began_has_a_message_too(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text("name: a\nimage: b\npods: 0\n")

    result = supervise(path, PlayedCluster(), tmp_path)

    assert 2 == result.exit_code
    assert (tmp_path / "message").read_text().startswith(f"invalid: {path}: pods: ")
    assert "invalid" == outputs(tmp_path)["reason"]


def test_files_that_cannot_be_written_end_nothing(node_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")

    result = supervise(node_file, PlayedCluster(plays(0)), tmp_path)

    assert (0, True) == (result.exit_code, f"cannot write {tmp_path}/out/" in result.stderr)


@pytest.mark.parametrize("code", [64, 65, 137, 143])
def test_codes_that_mean_something_to_argo_are_shown_as_112(code: int) -> None:
    assert (112, 3, 0) == (shown_exit_code(code), shown_exit_code(3), shown_exit_code(0))


def test_a_message_is_never_longer_than_kubernetes_keeps() -> None:
    text = node_message("app_error", "ü" * 5000, ("last line",))

    assert 4095 <= len(text.encode()) <= 4096
    assert "app_error: ü" == text[:12]


def test_a_pod_leaves_when_it_is_deleted_or_disrupted_and_not_when_it_is_told_to_stop() -> None:
    assert [False, True, True] == [is_leaving({**SUPERVISOR, **change}) for change in ({}, EVICTED, DELETED)]


GIVEN_UP = {"metadata": {"name": "me", "labels": {"workflows.argoproj.io/completed": "true"}}}


def test_a_supervisor_has_to_end_when_argo_has_ended_its_step_or_its_pod_leaves() -> None:
    changes = ({}, GIVEN_UP, EVICTED, DELETED)
    assert [False, True, True, True] == [is_to_end({**SUPERVISOR, **change}) for change in changes]


def test_a_step_is_not_run_again_in_a_workflow_that_was_stopped_or_has_ended() -> None:
    running, over = {"phase": "Running"}, {"phase": "Failed", "finishedAt": "2026-01-01T00:00:00Z"}
    workflows = ({"spec": {}}, {"spec": {}, "status": running}, {"spec": {"shutdown": "Stop"}, "status": running})

    assert [True, True, False, False] == [is_going_on(each) for each in (*workflows, {"spec": {}, "status": over})]


def test_sigterm_of_a_pod_that_goes_because_its_step_was_stopped_deletes_the_node(
    node_file: Path, tmp_path: Path
) -> None:
    cluster = interrupting(DELETED)
    stopped = {"kind": "Workflow", "metadata": {"name": "nightly"}, "spec": {"shutdown": "Stop"}}
    cluster.put(stopped, namespace="default")

    assert (120, []) == (supervise(node_file, cluster, tmp_path).exit_code, jobs(cluster))


def test_that_its_pod_has_to_end_is_told_once_whatever_the_looks_before_it_saw() -> None:
    looks: list[Exception | dict[str, Any]] = [ClusterRefused("no", status=403, reason="Forbidden"), {}, GIVEN_UP]

    class Changing(PlayedCluster):
        def get(self, kind: str, *, namespace: str, name: str) -> dict[str, Any]:
            look = looks.pop(0)
            if isinstance(look, Exception):
                raise look
            return {**SUPERVISOR, **look}

    told: list[str] = []
    tell_its_end("me", cluster=Changing(), tell=lambda: told.append("x"), over=threading.Event(), every_s=0.001)

    assert (["x"], []) == (told, looks)


def test_an_owned_object_keeps_what_it_had() -> None:
    mine = {"kind": "Job", "metadata": {"name": "a", "labels": {"b": "c"}}, "spec": {}}

    theirs = owned(mine, OWNER)

    assert mine == {**theirs, "metadata": {"name": "a", "labels": {"b": "c"}}}


@pytest.mark.parametrize("engine", ["argo", "argo-resource"])
def test_the_rights_of_an_engine_have_a_role_of_their_own(engine: str) -> None:
    role, binding = yaml.safe_load_all(dagset("rbac", "--engine", engine, "--service-account", "wf").stdout)

    name = f"dagset-{engine}"
    assert (name, f"{name}:wf", name) == (
        role["metadata"]["name"],
        binding["metadata"]["name"],
        binding["roleRef"]["name"],
    )
    results = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    assert results in role["rules"]
    of_dagset = {(right.group, right.resource) for right in RIGHTS}
    others = {(rule["apiGroups"][0], rule["resources"][0]) for rule in role["rules"]} - of_dagset
    assert {"workflowtaskresults", *(["workflows"] if engine == "argo" else [])} == {resource for _, resource in others}
