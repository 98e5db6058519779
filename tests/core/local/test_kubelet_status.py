"""What the kubelet makes of its containers: whose turn it is, the phase, the status. Pinned to a real kubelet 1.36."""

import signal
from dataclasses import replace
from typing import Any

import pytest

from dagset.local.kubelet.containers import Container, back_off_s, first_states, phase_of, to_start, to_stop
from dagset.local.kubelet.podstatus import (
    Ending,
    Place,
    containers_of,
    disrupted,
    exit_code_of,
    late,
    lost,
    running_state,
    status_of,
    unscheduled,
    waiting_state,
)

Object = dict[str, Any]

EXITS = {0: 0, 3 << 8: 3, 255 << 8: 255, int(signal.SIGSEGV): 139, int(signal.SIGKILL): 137, int(signal.SIGTERM): 143}


@pytest.mark.parametrize(("status", "code"), EXITS.items())
def test_exit_codes_are_those_of_a_container_runtime(status: int, code: int) -> None:
    assert code == exit_code_of(status)


def pod(*inits: str, others: tuple[str, ...] = (), **status: Any) -> Object:
    """Give a pod with a container `main`; an init container whose name ends with + is a sidecar."""
    containers = [{"name": name, "image": "busybox:1"} for name in ("main", *others)]
    spec = {"containers": containers, "initContainers": [_init(name) for name in inits]}
    metadata = {"name": "p", "namespace": "ns", "uid": "pod-uid"}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Pending", **status}}


def _init(name: str) -> Object:
    sidecar = {"restartPolicy": "Always"} if name.endswith("+") else {}
    return {"name": name.rstrip("+"), "image": "busybox:1", **sidecar}


RUNNING = Container(running_state(0), has_run=True)
WAITING = Container({"waiting": {"reason": "PodInitializing"}})
ORDERED = Container({"waiting": {"reason": "PodInitializing"}}, is_ordered=True)
BACK_OFF = Container({"waiting": {"reason": "CrashLoopBackOff"}}, last={"terminated": {"exitCode": 1}}, has_run=True)
REFUSED = replace(BACK_OFF, has_run=False)


def exited(code: int) -> Container:
    return Container(Ending(code, "Error" if code else "Completed", at=9, started_at="s").state)


TURNS: dict[str, tuple[Object, dict[str, Container], list[str], list[str], str]] = {
    "nothing yet": (pod(), {"main": WAITING}, ["main"], [], "Pending"),
    "ordered": (pod(), {"main": ORDERED}, [], [], "Pending"),
    "running": (pod(), {"main": RUNNING}, [], [], "Running"),
    "done": (pod(), {"main": exited(0)}, [], [], "Succeeded"),
    "broken": (pod(), {"main": exited(3)}, [], [], "Failed"),
    "init first": (pod("i"), {"i": WAITING, "main": WAITING}, ["i"], [], "Pending"),
    "init ordered": (pod("i"), {"i": ORDERED, "main": WAITING}, [], [], "Pending"),
    "init runs": (pod("i"), {"i": RUNNING, "main": WAITING}, [], [], "Pending"),
    "init done": (pod("i"), {"i": exited(0), "main": WAITING}, ["main"], [], "Pending"),
    "init broken": (pod("i", "j"), {"i": exited(4), "j": WAITING, "main": WAITING}, [], [], "Failed"),
    "second init": (pod("i", "j"), {"i": exited(0), "j": WAITING, "main": WAITING}, ["j"], [], "Pending"),
    "sidecar first": (pod("s+"), {"s": WAITING, "main": WAITING}, ["s"], [], "Pending"),
    "sidecar ordered": (pod("s+"), {"s": ORDERED, "main": WAITING}, [], [], "Pending"),
    "sidecar runs": (pod("s+"), {"s": RUNNING, "main": WAITING}, ["main"], [], "Pending"),
    "sidecar runs before an init": (
        pod("s+", "i"),
        {"s": RUNNING, "i": WAITING, "main": WAITING},
        ["i"],
        [],
        "Pending",
    ),
    "sidecar backs off": (pod("s+"), {"s": BACK_OFF, "main": RUNNING}, [], [], "Running"),
    "sidecar that never ran": (pod("s+"), {"s": REFUSED, "main": WAITING}, [], [], "Pending"),
    "sidecar is left": (pod("s+"), {"s": RUNNING, "main": exited(0)}, [], ["s"], "Running"),
    "sidecar of a failed init": (pod("s+", "i"), {"s": RUNNING, "i": exited(1), "main": WAITING}, [], ["s"], "Pending"),
    "sidecar killed": (pod("s+"), {"s": exited(137), "main": exited(0)}, [], [], "Succeeded"),
    "sidecar backed off to the end": (pod("s+"), {"s": BACK_OFF, "main": exited(7)}, [], [], "Failed"),
    "one of two": (pod(others=("b",)), {"main": exited(3), "b": RUNNING}, [], [], "Running"),
    "second fails the pod": (pod(others=("b",)), {"main": exited(0), "b": exited(1)}, [], [], "Failed"),
    "one of two waits": (pod(others=("b",)), {"main": WAITING, "b": exited(0)}, ["main"], [], "Pending"),
}


@pytest.mark.parametrize(("one", "now", "starts", "stops", "phase"), TURNS.values(), ids=TURNS.keys())
def test_whose_turn_it_is(
    one: Object, now: dict[str, Container], starts: list[str], stops: list[str], phase: str
) -> None:
    names = [container["name"] for container in to_start(one, now=now)]

    assert (starts, stops, phase) == (names, to_stop(one, now=now, is_ending=False), phase_of(one, now=now))


def test_a_pod_that_is_to_end_lets_its_sidecars_go_last() -> None:
    one = pod("s+", "i")

    first = to_stop(one, now={"s": RUNNING, "i": exited(0), "main": RUNNING}, is_ending=True)
    during_init = to_stop(one, now={"s": RUNNING, "i": RUNNING, "main": WAITING}, is_ending=True)
    then = to_stop(one, now={"s": RUNNING, "i": exited(0), "main": exited(143)}, is_ending=True)

    assert (["main"], ["i"], ["s"]) == (first, during_init, then)


def test_a_sidecar_waits_longer_each_time() -> None:
    assert [0.0, 10.0, 20.0, 40.0, 300.0, 300.0] == [back_off_s(restarts) for restarts in (0, 1, 2, 3, 9, 10_000)]


def conditions(status: Object) -> dict[str, tuple[str, str | None]]:
    return {one["type"]: (one["status"], one.get("reason")) for one in status["conditions"]}


def test_a_running_pod() -> None:
    status = status_of(pod(), now={"main": RUNNING}, at=0, place=Place(host_ip="127.0.0.1", pod_ip="127.64.0.1"))

    types = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    at = "1970-01-01T00:00:00Z"
    assert {
        "phase": "Running",
        "conditions": [
            {"type": type_, "status": "True", "lastProbeTime": None, "lastTransitionTime": at} for type_ in types
        ],
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": "127.64.0.1",
        "podIPs": [{"ip": "127.64.0.1"}],
        "startTime": at,
        "containerStatuses": [
            {
                "name": "main",
                "image": "busybox:1",
                "imageID": "",
                "lastState": {},
                "ready": True,
                "restartCount": 0,
                "started": True,
                "state": {"running": {"startedAt": at}},
            }
        ],
    } == status


ENDINGS: dict[str, tuple[Ending, str, Object, str]] = {
    "well": (
        Ending(0, "Completed", at=9, started_at="s"),
        "Succeeded",
        {"exitCode": 0, "reason": "Completed", "startedAt": "s"},
        "PodCompleted",
    ),
    "badly": (
        Ending(3, "Error", at=9, started_at="s", message="broken\n"),
        "Failed",
        {"exitCode": 3, "reason": "Error", "startedAt": "s", "message": "broken\n"},
        "PodFailed",
    ),
    "never started": (
        Ending(128, "StartError", at=9, message="m"),
        "Failed",
        {"exitCode": 128, "reason": "StartError", "startedAt": "1970-01-01T00:00:00Z", "message": "m"},
        "PodFailed",
    ),
}


@pytest.mark.parametrize(("ending", "phase", "state", "why"), ENDINGS.values(), ids=ENDINGS.keys())
def test_a_pod_that_is_over(ending: Ending, phase: str, state: Object, why: str) -> None:
    status = status_of(pod(), now={"main": Container(ending.state)}, at=9)

    terminated = {**state, "finishedAt": "1970-01-01T00:00:09Z"}
    assert (phase, {"terminated": terminated}) == (status["phase"], status["containerStatuses"][0]["state"])
    assert ("False", why) == conditions(status)["Ready"] == conditions(status)["ContainersReady"]


def test_a_pod_that_waits_for_a_secret() -> None:
    state = waiting_state("CreateContainerConfigError", message='secret "late" not found')

    status = status_of(pod(others=("side",)), now={"main": Container(state), "side": RUNNING}, at=0)

    unready = "containers with unready status: [main]"
    assert ("Pending", state) == (status["phase"], status["containerStatuses"][0]["state"])
    assert ("True", None) == conditions(status)["PodReadyToStartContainers"]
    assert [("ContainersNotReady", unready)] * 2 == [
        (one["reason"], one["message"]) for one in status["conditions"] if one["type"] in ("Ready", "ContainersReady")
    ]


def test_a_pod_whose_init_container_failed() -> None:
    one = pod("side", "second")

    status = status_of(one, now={**first_states(one), "side": exited(4)}, at=0)

    why = "containers with incomplete status: [side second]"
    initialized = next(each for each in status["conditions"] if each["type"] == "Initialized")
    assert ("Failed", "False", "ContainersNotInitialized", why) == (
        status["phase"],
        *(initialized[key] for key in ("status", "reason", "message")),
    )
    assert [{"waiting": {"reason": "PodInitializing"}}] == [each["state"] for each in status["containerStatuses"]]
    assert [False, False] == [each["ready"] for each in status["initContainerStatuses"]]


def test_an_init_container_that_did_its_work_is_ready_and_a_sidecar_that_ended_is_not() -> None:
    one = pod("s+", "i")

    status = status_of(one, now={"s": exited(0), "i": exited(0), "main": exited(0)}, at=0)

    assert {"s": False, "i": True, "main": False} == {
        each["name"]: each["ready"] for each in (*status["initContainerStatuses"], *status["containerStatuses"])
    }
    assert ("True", "PodCompleted") == conditions(status)["Initialized"]


def test_a_sidecar_that_is_down_keeps_the_pod_unready_and_uninitialised_until_a_container_has_started() -> None:
    one = pod("s+")
    waiting = status_of(one, now={"s": REFUSED, "main": WAITING}, at=0)
    started = status_of(one, now={"s": BACK_OFF, "main": RUNNING}, at=0)

    messages = [{each["type"]: each.get("message") for each in status["conditions"]} for status in (waiting, started)]
    unready = ["containers with unready status: [s main]", "containers with unready status: [s]"]
    assert unready == [each["Ready"] for each in messages]
    assert ["containers with incomplete status: [s]", None] == [each["Initialized"] for each in messages]


def test_a_pod_without_a_machine_has_one_condition_and_no_start() -> None:
    status = unscheduled(pod(), reason="Unschedulable", why="0/1 nodes are available: ...", at=0)

    why = {"reason": "Unschedulable", "message": "0/1 nodes are available: ..."}
    at = {"lastProbeTime": None, "lastTransitionTime": "1970-01-01T00:00:00Z"}
    assert {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", **at, **why}],
    } == status


def test_a_pod_that_was_too_late_has_failed_even_if_it_exited_0() -> None:
    status = late(status_of(pod(), now={"main": exited(0)}, at=9))

    why = ("Failed", "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
    assert why == (status["phase"], status["reason"], status["message"])
    assert [("False", "PodFailed"), ("True", None)] == [conditions(status)[type_] for type_ in ("Ready", "Initialized")]


def test_what_ran_unseen_is_unknown_and_what_ended_stays() -> None:
    now = lost({"main": RUNNING, "b": exited(0)}, message="gone", at=9)

    unknown = {"exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": "1970-01-01T00:00:00Z"}
    unknown |= {"finishedAt": "1970-01-01T00:00:09Z", "message": "gone"}
    assert {"main": Container({"terminated": unknown}), "b": exited(0)} == now


def test_a_status_can_be_read_back() -> None:
    one = pod("s+")
    now = {"s": Container(running_state(0), last={"terminated": {"exitCode": 1}}, restarts=2), "main": exited(0)}

    assert now == containers_of({**one, "status": status_of(one, now=now, at=0)})
    assert first_states(one) == containers_of(one)


def test_what_others_say_of_a_pod_is_kept() -> None:
    evicted = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}

    status = status_of(pod(conditions=[evicted]), now={"main": exited(143)}, at=9)

    assert evicted == status["conditions"][0]
    assert ("True", "TerminationByKubelet") == conditions(disrupted({"status": status}, now=0))["DisruptionTarget"]
    assert 6 == len(disrupted({"status": status}, now=0)["conditions"])


def test_conditions_that_do_not_change_keep_their_time() -> None:
    one = pod()
    one["status"] = status_of(one, now={"main": RUNNING}, at=0)

    times = {
        each["type"]: each["lastTransitionTime"] for each in status_of(one, now={"main": exited(0)}, at=9)["conditions"]
    }

    changed, kept = "1970-01-01T00:00:09Z", "1970-01-01T00:00:00Z"
    assert {
        "PodReadyToStartContainers": changed,
        "Initialized": kept,
        "Ready": changed,
        "ContainersReady": changed,
        "PodScheduled": kept,
    } == times
