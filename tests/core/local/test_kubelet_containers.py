"""Pods that cannot start, that take too much or too long, and pods of several containers: with real processes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.local.machine import Machine, machine_at, terminated

Object = dict[str, Any]
FOR_EVER = "while :; do sleep 0.05; done"


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_at(tmp_path) as one:
        yield one


def shell(name: str, script: str, **more: Any) -> Object:
    return {"name": name, "image": "x", "command": ["/bin/sh", "-c", script], **more}


def endings(pod: Object) -> dict[str, tuple[int, str]]:
    """Give exit code and reason of every container that ended."""
    status = pod["status"]
    told = [*(status.get("initContainerStatuses") or []), *status["containerStatuses"]]
    states = {one["name"]: one["state"].get("terminated") for one in told}
    return {name: (state["exitCode"], state["reason"]) for name, state in states.items() if state}


UNREADABLE = (
    'Failed to apply default image tag "Busybox:1": couldn\'t parse image name "Busybox:1": '
    "invalid reference format: repository name (library/Busybox) must be lowercase"
)
NO_COMMAND = "the local cluster runs processes, not images: give command (container 'main' has only an image)"
ERROR = "CreateContainerConfigError"
WAITS: dict[str, tuple[Object, tuple[str, str], list[tuple[str, str]]]] = {
    "secret": (
        {"envFrom": [{"secretRef": {"name": "s"}}]},
        (ERROR, 'secret "s" not found'),
        [("Failed", 'Error: secret "s" not found')],
    ),
    "config map": (
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]},
        (ERROR, 'configmap "c" not found'),
        [("Failed", 'Error: configmap "c" not found')],
    ),
    "image name": (
        {"image": "Busybox:1"},
        ("InvalidImageName", UNREADABLE),
        [("Failed", "Error: InvalidImageName"), ("InspectFailed", UNREADABLE)],
    ),
    "no command": ({"command": None}, (ERROR, NO_COMMAND), [("Failed", f"Error: {NO_COMMAND}")]),
}


@pytest.mark.parametrize(("container", "waiting", "events"), WAITS.values(), ids=WAITS.keys())
async def test_a_pod_that_lacks_something_waits_and_says_what_for(
    machine: Machine, container: Object, waiting: tuple[str, str], events: list[tuple[str, str]]
) -> None:
    machine.create("p", "/bin/true", container=container)

    assert waiting[1] == await machine.waits("p", waiting[0])
    told = machine.store.list("Event")[0]
    assert events == sorted((event["reason"], event["message"]) for event in told)
    assert {"spec.containers{main}"} == {event["involvedObject"]["fieldPath"] for event in told}


async def test_a_pod_behind_a_gate_waits_until_it_is_opened(machine: Machine) -> None:
    pod = machine.create("p", "/bin/true", schedulingGates=[{"name": "acme.com/gate"}])

    def gated() -> bool:
        conditions = (machine.store.get("Pod", "default", "p") or {})["status"].get("conditions") or [{}]
        return conditions[0].get("reason") == "SchedulingGated"

    await machine.until(gated)
    machine.store.update("Pod", {**pod, "spec": {**pod["spec"], "schedulingGates": []}})

    assert "Succeeded" == (await machine.end_of("p"))["status"]["phase"]


async def test_a_secret_that_comes_later_heals_the_pod(machine: Machine) -> None:
    container = {"envFrom": [{"prefix": "P_", "secretRef": {"name": "late"}}]}
    machine.create("p", "/bin/sh", "-c", "echo $P_key", container=container)
    await machine.waits("p", "CreateContainerConfigError")

    machine.store.create("Secret", {"metadata": {"name": "late"}, "data": {"key": "aGlkZGVu"}})

    assert "hidden\n" == machine.log(await machine.end_of("p"))


async def test_a_pod_for_which_there_is_no_machine_stays_unscheduled_and_can_be_deleted(machine: Machine) -> None:
    machine.create("p", "/bin/true", nodeSelector={"disk": "ssd"})

    def why() -> Object | None:
        status = (machine.store.get("Pod", "default", "p") or {})["status"]
        return next(iter(status.get("conditions") or []), None)

    condition = await machine.until(why)
    pod = machine.store.get("Pod", "default", "p") or {}
    [event] = machine.store.list("Event")[0]
    machine.store.delete("Pod", "default", "p")
    await machine.gone("p")

    assert ("PodScheduled", "False", "Unschedulable") == tuple(condition[key] for key in ("type", "status", "reason"))
    assert ("Pending", False, False) == (
        pod["status"]["phase"],
        "nodeName" in pod["spec"],
        "containerStatuses" in pod["status"],
    )
    assert ("FailedScheduling", condition["message"]) == (event["reason"], event["message"])


GREEDY = "import time; x = bytearray(120_000_000); print('full', flush=True); time.sleep(60)"
GREEDY_CHILD = f"python3 -c {GREEDY!r}; echo never"


@pytest.mark.parametrize(
    "command", [("python3", "-c", GREEDY), ("/bin/sh", "-c", GREEDY_CHILD)], ids=["process", "child"]
)
async def test_a_container_over_its_memory_limit_is_killed_as_oom(machine: Machine, command: tuple[str, ...]) -> None:
    machine.create("p", *command, container={"resources": {"limits": {"memory": "64Mi"}}})

    pod = await machine.end_of("p")

    assert ("Failed", {"main": (137, "OOMKilled")}) == (pod["status"]["phase"], endings(pod))


async def test_memory_that_a_fork_shares_counts_once(machine: Machine) -> None:
    script = "import os, time; x = bytearray(50_000_000); [os.fork() for _ in range(2)]; time.sleep(1.5)"
    machine.create("p", "python3", "-c", script, container={"resources": {"limits": {"memory": "120Mi"}}})

    assert {"main": (0, "Completed")} == endings(await machine.end_of("p"))


DEADLINES = {
    "obeys": (f"trap 'exit 0' TERM; {FOR_EVER}", (0, "Completed")),
    "ignores": (f"trap '' TERM; {FOR_EVER}", (137, "Error")),
}


@pytest.mark.parametrize(("script", "ending"), DEADLINES.values(), ids=DEADLINES.keys())
async def test_a_pod_past_its_deadline_has_failed_however_it_ends(
    machine: Machine, script: str, ending: tuple[int, str]
) -> None:
    more = {"activeDeadlineSeconds": 3, "terminationGracePeriodSeconds": 1}
    machine.create("p", "/bin/sh", "-c", script, **more)

    pod = await machine.end_of("p")

    message = "Pod was active on the node longer than the specified deadline"
    assert ("Failed", "DeadlineExceeded", message) == tuple(
        pod["status"][key] for key in ("phase", "reason", "message")
    )
    assert {"main": ending} == endings(pod)


async def test_a_pod_that_waits_past_its_deadline_fails_too(machine: Machine) -> None:
    container = {"envFrom": [{"secretRef": {"name": "never"}}]}
    machine.create("p", "/bin/true", container=container, activeDeadlineSeconds=1)

    pod = await machine.end_of("p")

    message = "The container could not be located when the pod was terminated"
    assert "DeadlineExceeded" == pod["status"]["reason"]
    assert {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": message} == terminated(pod)


SEVERAL: dict[str, tuple[tuple[str, list[Object], list[Object]], str, dict[str, tuple[int, str]]]] = {
    "all end well": (
        ("exit 0", [shell("side", "sleep 0.2")], []),
        "Succeeded",
        {"main": (0, "Completed"), "side": (0, "Completed")},
    ),
    "an injected one fails": (
        ("sleep 0.2", [shell("side", "exit 1")], []),
        "Failed",
        {"main": (0, "Completed"), "side": (1, "Error")},
    ),
    "main fails first": (
        ("exit 3", [shell("side", "sleep 0.2")], []),
        "Failed",
        {"main": (3, "Error"), "side": (0, "Completed")},
    ),
    "one cannot start": (
        ("sleep 0.2", [{"name": "side", "image": "x", "command": ["nosuch"]}], []),
        "Failed",
        {"main": (0, "Completed"), "side": (128, "StartError")},
    ),
    "init first": (
        ("exit 0", [], [shell("one", "exit 0"), shell("two", "exit 0")]),
        "Succeeded",
        {"one": (0, "Completed"), "two": (0, "Completed"), "main": (0, "Completed")},
    ),
    "init fails": (("exit 0", [], [shell("one", "exit 4"), shell("two", "exit 0")]), "Failed", {"one": (4, "Error")}),
    "a sidecar is stopped": (
        ("exit 0", [], [shell("side", f"trap 'exit 0' TERM; {FOR_EVER}", restartPolicy="Always")]),
        "Succeeded",
        {"side": (0, "Completed"), "main": (0, "Completed")},
    ),
    "a sidecar ends after work that had to be killed": (
        (f"trap '' TERM; {FOR_EVER}", [], [shell("side", f"trap 'exit 0' TERM; {FOR_EVER}", restartPolicy="Always")]),
        "Failed",
        {"side": (0, "Completed"), "main": (137, "Error")},
    ),
    "a sidecar that ignores it is killed": (
        ("exit 7", [], [shell("side", f"trap '' TERM; {FOR_EVER}", restartPolicy="Always")]),
        "Failed",
        {"side": (137, "Error"), "main": (7, "Error")},
    ),
}


@pytest.mark.parametrize(("pods", "phase", "ends"), SEVERAL.values(), ids=SEVERAL.keys())
async def test_several_containers(
    machine: Machine, pods: tuple[str, list[Object], list[Object]], phase: str, ends: dict[str, tuple[int, str]]
) -> None:
    script, others, inits = pods
    more = {"others": others, **({"initContainers": inits} if inits else {})}
    if "trap" in script:
        more["activeDeadlineSeconds"] = 1
    machine.create("p", "/bin/sh", "-c", script, terminationGracePeriodSeconds=1, **more)

    pod = await machine.end_of("p")

    assert (phase, ends) == (pod["status"]["phase"], endings(pod))


async def test_containers_share_volumes_host_name_and_address_and_have_their_own_logs(machine: Machine) -> None:
    mounts = {"volumeMounts": [{"name": "v", "mountPath": str(machine.state / "shared")}]}
    where = machine.state / "shared" / "word"
    machine.create(
        "p",
        *("/bin/sh", "-c", f"cat {where}; hostname"),
        container=mounts,
        others=[shell("side", "hostname")],
        initContainers=[shell("first", f"echo word > {where}; echo done", **mounts)],
        volumes=[{"name": "v", "emptyDir": {}}],
        hostname="h",
    )

    pod = await machine.end_of("p")

    assert ("word\nh\n", "h\n", "done\n") == tuple(machine.log(pod, name) for name in ("main", "side", "first"))


async def test_a_sidecar_that_fails_is_started_again_and_fails_nobody(machine: Machine) -> None:
    script = f"echo up; [ -e again ] || {{ : >again; exit 1; }}; trap 'exit 0' TERM; echo back; {FOR_EVER}"
    until_back = "until [ -e again ]; do sleep 0.05; done; sleep 0.3"
    sidecar = shell("side", script, restartPolicy="Always")
    machine.create("p", "/bin/sh", "-c", until_back, initContainers=[sidecar])

    pod = await machine.end_of("p")

    [side] = pod["status"]["initContainerStatuses"]
    assert ("Succeeded", 1, 1) == (
        pod["status"]["phase"],
        side["restartCount"],
        side["lastState"]["terminated"]["exitCode"],
    )
    assert ["up", "up", "back"] == machine.log(pod, "side").split()[:3]


async def test_a_pod_that_is_deleted_during_its_init_never_starts(machine: Machine) -> None:
    first = shell("first", f"trap 'exit 5' TERM; echo ready; {FOR_EVER}")
    metadata = {"finalizers": ["counted"]}
    pod = machine.create("p", "/bin/true", initContainers=[first], metadata=metadata)
    await machine.said(pod, "ready", container="first")

    machine.store.delete("Pod", "default", "p")
    over = await machine.end_of("p")

    waiting = {"waiting": {"reason": "PodInitializing"}}
    assert ({"first": (5, "Error")}, [waiting]) == (
        endings(over),
        [one["state"] for one in over["status"]["containerStatuses"]],
    )


async def test_an_evicted_pod_that_exits_0_has_succeeded_and_keeps_the_mark(machine: Machine) -> None:
    mark = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    script = f"trap 'exit 0' TERM; echo ready; {FOR_EVER}"
    pod = machine.create("p", "/bin/sh", "-c", script, metadata={"finalizers": ["counted"]})
    await machine.said(pod, "ready")
    running = await machine.phase("p", "Running")

    conditions = [*running["status"]["conditions"], mark]
    machine.store.update("Pod", {**running, "status": {**running["status"], "conditions": conditions}})
    machine.store.delete("Pod", "default", "p")
    over = await machine.end_of("p")

    assert ("Succeeded", {"main": (0, "Completed")}) == (over["status"]["phase"], endings(over))
    assert mark in over["status"]["conditions"]
