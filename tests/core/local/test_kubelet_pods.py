"""The kubelet with real processes: what pods print, how they end, and that nothing of them is left."""

import asyncio
import os
import re
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dagset.local.store import Store
from tests.core.local.machine import Machine, machine_at, terminated
from tests.realcluster.fixtures import left_out

Object = dict[str, Any]
PATIENCE_S = 30.0


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_at(tmp_path) as one:
        yield one


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def dead(*pids: int) -> None:
    """Wait until these processes, which are not our children, are gone."""
    async with asyncio.timeout(PATIENCE_S):
        while any(map(is_alive, pids)):
            await asyncio.sleep(0.01)


ENDS = {
    "zero": ("exit 0", "Succeeded", {"exitCode": 0, "reason": "Completed"}),
    "a code, and its last words": (
        "echo fine; echo broken >&2; exit 3",
        "Failed",
        {"exitCode": 3, "reason": "Error", "message": "fine\nbroken\n"},
    ),
    "segfault of the process": ("kill -SEGV $$", "Failed", {"exitCode": 139, "reason": "Error"}),
    "killed": ("kill -KILL $$", "Failed", {"exitCode": 137, "reason": "Error"}),
    "no words on success": ("echo fine", "Succeeded", {"exitCode": 0, "reason": "Completed"}),
}


@pytest.mark.parametrize(("script", "phase", "state"), ENDS.values(), ids=ENDS.keys())
async def test_ends(machine: Machine, script: str, phase: str, state: Object) -> None:
    machine.create("p", "/bin/sh", "-c", script.replace("$$", "$$$$"))

    pod = await machine.end_of("p")

    assert (phase, state) == (pod["status"]["phase"], terminated(pod))


async def test_segfault_of_a_child_is_139(machine: Machine) -> None:
    machine.create("p", "/bin/sh", "-c", "/bin/sh -c 'kill -SEGV $$$$'; exit $?")

    assert 139 == terminated(await machine.end_of("p"))["exitCode"]


async def test_last_words_are_the_last_80_lines_and_2_kib(machine: Machine) -> None:
    machine.create("many", "/bin/sh", "-c", "seq 200; exit 1")
    machine.create("long", "/bin/sh", "-c", "printf '%03000d\\n' 7; exit 1")

    many, long = terminated(await machine.end_of("many")), terminated(await machine.end_of("long"))

    assert "".join(f"{number}\n" for number in range(121, 201)) == many["message"]
    assert "0" * 2046 + "7\n" == long["message"]


async def test_what_was_written_to_the_termination_message_stands_in_for_the_end_of_the_log(machine: Machine) -> None:
    machine.create("good", "/bin/sh", "-c", "echo fine; echo 42 > /dev/termination-log")
    machine.create("bad", "/bin/sh", "-c", "echo fine; echo 'no such row' > /dev/termination-log; exit 3")
    machine.create("long", "/bin/sh", "-c", "printf '%05000d' 7 > /dev/termination-log")

    ended = [terminated(await machine.end_of(name)) for name in ("good", "bad", "long")]

    completed = {"exitCode": 0, "reason": "Completed"}
    assert [
        {**completed, "message": "42\n"},
        {"exitCode": 3, "reason": "Error", "message": "no such row\n"},
        {**completed, "message": "0" * 4095 + "7"},
    ] == ended


NOT_STARTED = {
    "not in PATH": (
        ("nosuch",),
        'unable to start container process: exec: "nosuch": executable file not found in $PATH',
    ),
    "no such file": (
        ("/no/such",),
        'unable to start container process: exec: "/no/such": stat /no/such: no such file or directory',
    ),
    "not executable": (("/etc/hosts",), 'unable to start container process: exec: "/etc/hosts": permission denied'),
}


@pytest.mark.parametrize(("command", "message"), NOT_STARTED.values(), ids=NOT_STARTED.keys())
async def test_what_cannot_be_executed_names_the_command(
    machine: Machine, command: tuple[str, ...], message: str
) -> None:
    machine.create("p", *command)

    pod = await machine.end_of("p")

    assert {"exitCode": 128, "reason": "StartError", "message": message} == terminated(pod)
    assert "1970-01-01T00:00:00Z" == pod["status"]["containerStatuses"][0]["state"]["terminated"]["startedAt"]


async def test_no_command_keeps_the_pod_waiting_with_advice(machine: Machine) -> None:
    machine.create("p")

    def why() -> str:
        pod = machine.store.get("Pod", "default", "p") or {}
        statuses = pod["status"].get("containerStatuses") or [{}]
        return str(statuses[0].get("state", {}).get("waiting", {}).get("message", ""))

    assert "not images: give command" in await machine.until(why)


async def test_a_pod_has_its_own_environment_and_nothing_of_ours(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSET_TEST_SECRET", "leaked")
    env = [
        {"name": "GREETING", "value": "hello $(NAME)"},
        {"name": "NAME", "value": "you"},
        {"name": "odd.name", "value": "1"},
    ]
    machine.create("p", "/usr/bin/env", hostname="h", container={"env": env})

    pod = await machine.end_of("p")

    seen = dict(line.split("=", 1) for line in machine.log(pod).splitlines())
    assert {
        "PATH": os.environ["PATH"],
        "HOME": str(machine.state / "pods" / pod["metadata"]["uid"] / "work"),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOSTNAME": "h",
        "GREETING": "hello $(NAME)",
        "NAME": "you",
        "odd.name": "1",
    } == seen


async def test_a_pod_works_in_its_own_directory_unless_told_otherwise(machine: Machine) -> None:
    machine.create("own", "/bin/pwd")
    machine.create("told", "/bin/pwd", container={"workingDir": str(machine.state)})
    machine.create("nowhere", "/bin/pwd", container={"workingDir": "/no/such/directory"})

    own, told, nowhere = [await machine.end_of(name) for name in ("own", "told", "nowhere")]

    assert f"{machine.state}/pods/{own['metadata']['uid']}/work\n" == machine.log(own)
    assert f"{machine.state}\n" == machine.log(told)
    has_mounts = machine.kubelet.capabilities()["peer_host_names"]
    assert machine.log(nowhere).endswith("/no/such/directory\n" if has_mounts else "/work\n")
    assert not Path("/no/such").exists()


async def test_log_lines_are_stamped_and_in_order(machine: Machine) -> None:
    machine.create("p", "/bin/sh", "-c", r"echo one; echo two >&2; printf '\377\000x\n'; printf unfinished")

    pod = await machine.end_of("p")

    log = (machine.state / "pods" / pod["metadata"]["uid"] / "main.log").read_bytes()
    stamp = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) "
    found = re.fullmatch(
        stamp + rb"one\n" + stamp + rb"two\n" + stamp + rb"\xff\x00x\n" + stamp + rb"unfinished\n", log
    )
    assert found is not None
    assert [*found.groups()] == sorted(set(found.groups()))


async def test_the_log_is_whole_when_the_pod_is_over(machine: Machine) -> None:
    machine.create("p", "/bin/sh", "-c", "seq 100000")

    pod = await machine.end_of("p")

    assert "".join(f"{number}\n" for number in range(1, 100_001)) == machine.log(pod)


async def test_a_pod_that_prints_without_end_holds_up_nobody(machine: Machine) -> None:
    machine.create("loud", "/bin/sh", "-c", "yes | head -c 200000000", terminationGracePeriodSeconds=0)
    await machine.phase("loud", "Running")
    machine.create("quiet", "/bin/echo", "done")

    assert "Succeeded" == (await machine.end_of("quiet"))["status"]["phase"]
    machine.store.delete("Pod", "default", "loud")
    await machine.gone("loud")


async def test_a_config_map_may_come_later(machine: Machine) -> None:
    machine.create(
        "p",
        "/bin/sh",
        "-c",
        "cat $DIR/a.txt $0",
        "$(DIR)/b.txt",
        container={
            "env": [{"name": "DIR", "value": "/etc/dagset/files"}],
            "volumeMounts": [{"name": "files", "mountPath": "/etc/dagset/files"}],
        },
        volumes=[{"name": "files", "configMap": {"name": "files"}}],
    )

    def reason() -> str | None:
        statuses = (machine.store.get("Pod", "default", "p") or {})["status"].get("containerStatuses")
        return statuses[0]["state"]["waiting"]["reason"] if statuses else None

    assert "ContainerCreating" == await machine.until(reason)
    machine.store.create("ConfigMap", {"metadata": {"name": "files"}, "data": {"a.txt": "A\n", "b.txt": "B\n"}})
    assert "A\nB\n" == machine.log(await machine.end_of("p"))


async def test_peers_know_each_other_by_name(machine: Machine) -> None:
    if not machine.kubelet.capabilities()["peer_host_names"]:
        left_out(f"no namespaces here: {machine.kubelet.capabilities()['peer_host_names_by']}")
    template = {"spec": {"completions": 2}}
    machine.store.create(
        "JobSet",
        {"metadata": {"name": "js"}, "spec": {"replicatedJobs": [{"name": "w", "replicas": 1, "template": template}]}},
    )
    script = "hostname; for n in js-w-0-0 js-w-0-1.js js-w-0-1.js.default.svc.cluster.local; do getent hosts $n; done"
    machine.create(
        "p",
        "/bin/sh",
        "-c",
        script,
        hostname="js-w-0-0",
        subdomain="js",
        metadata={"labels": {"jobset.sigs.k8s.io/jobset-name": "js"}},
    )

    pod = await machine.end_of("p")

    hostname, me, *peers = machine.log(pod).splitlines()
    assert ("js-w-0-0", pod["status"]["podIP"]) == (hostname, me.split()[0])
    address = peers[0].split()[0]
    assert address != pod["status"]["podIP"]
    assert [[address, "js-w-0-1.js.default.svc.cluster.local", "js-w-0-1.js", "js-w-0-1"]] * 2 == [
        peer.split() for peer in peers
    ]


async def test_deletion_asks_first(machine: Machine) -> None:
    pod = machine.create("p", "/bin/sh", "-c", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    ended: list[Object] = []
    machine.store.subscribe(lambda verb, _kind, thing: ended.append(thing) if verb == "DELETED" else None)
    await machine.said(pod, "ready")

    machine.store.delete("Pod", "default", "p")
    await machine.gone("p")

    state = terminated(ended[0])
    assert ("Failed", 7, "Error") == (ended[0]["status"]["phase"], state["exitCode"], state["reason"])
    assert state["message"].endswith("bye\n")


async def test_deletion_insists_when_the_grace_period_is_over(machine: Machine) -> None:
    pod = machine.create("p", "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    finalizer = machine.create("q", "/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    finalizer = {**finalizer, "metadata": {**finalizer["metadata"], "finalizers": ["counted"]}}
    machine.store.update("Pod", finalizer)
    await machine.said(pod, "ready")
    await machine.said(finalizer, "ready")

    machine.store.delete("Pod", "default", "p", grace_s=0)
    machine.store.delete("Pod", "default", "q", grace_s=1)
    await machine.gone("p")
    over = await machine.end_of("q")

    # A pod that somebody still has to count stays, whole, until it is let go.
    assert 137 == terminated(over)["exitCode"]
    machine.store.update("Pod", {**over, "metadata": {**over["metadata"], "finalizers": []}})
    await machine.gone("q")


async def test_a_machine_that_refuses_another_process_is_said_so(machine: Machine) -> None:
    first = machine.create("p", "/bin/sh", "-c", "echo $PPID ppid; exec sleep 300", terminationGracePeriodSeconds=0)
    host = int((await machine.said(first, "ppid")).split()[0])
    before = resource.prlimit(host, resource.RLIMIT_NOFILE)
    resource.prlimit(host, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{host}/fd")) + 1, before[1]))
    machine.create("q", "/bin/true")

    refused = terminated(await machine.end_of("q"))
    resource.prlimit(host, resource.RLIMIT_NOFILE, before)
    machine.create("r", "/bin/true")

    why = "the machine refused another process: Too many open files (limit of processes, open files or memory?)"
    assert {"exitCode": 128, "reason": "StartError", "message": why} == refused
    assert "Succeeded" == (await machine.end_of("r"))["status"]["phase"]


async def test_a_pod_that_never_started_is_removed_too(machine: Machine) -> None:
    machine.create("p")
    await machine.until(lambda: (machine.store.get("Pod", "default", "p") or {})["status"].get("containerStatuses"))

    machine.store.delete("Pod", "default", "p")

    await machine.gone("p")


UNTIL_READY = "until [ -e ready ]; do sleep 0.02; done"
STRAYS = {
    "in its group": "sleep 300 & echo $! pid",
    "with its own group": "set -m; sleep 300 & echo $! pid",
    "without the log": "sleep 300 >/dev/null 2>&1 & echo $! pid",
    "in another session": f"setsid -f sh -c 'echo $$$$ pid; >ready; exec sleep 300'; {UNTIL_READY}",
    "in another session, without the log": (
        f"setsid -f sh -c 'echo $$$$ pid; >ready; exec sleep 300 >/dev/null 2>&1'; {UNTIL_READY}"
    ),
}


@pytest.mark.parametrize("script", STRAYS.values(), ids=STRAYS.keys())
async def test_nothing_of_a_pod_is_left(machine: Machine, script: str) -> None:
    machine.create("p", "/bin/sh", "-c", script)

    pod = await machine.end_of("p")

    found = re.search(r"(\d+) pid", machine.log(pod))
    assert found is not None
    await dead(int(found[1]))


async def test_stopping_ends_all_pods_as_disrupted(tmp_path: Path) -> None:
    async with machine_at(tmp_path) as machine:
        pod = machine.create("p", "/bin/sh", "-c", "sleep 300 & echo $! pid; wait")
        stubborn = machine.create(
            "q", "/bin/sh", "-c", "trap 'exit 0' TERM; echo $$$$ pid; while :; do sleep 0.05; done"
        )
        pids = [int((await machine.said(one, "pid")).split()[0]) for one in (pod, stubborn)]
        await machine.phase("p", "Running")
        await machine.phase("q", "Running")

    store = Store(tmp_path / "store.db")
    ends = [store.get("Pod", "default", name) or {} for name in ("p", "q")]
    store.close()
    await dead(*pids)
    marks = [next(one for one in end["status"]["conditions"] if one["type"] == "DisruptionTarget") for end in ends]
    assert ["TerminationByKubelet"] * 2 == [mark["reason"] for mark in marks]
    assert [("Failed", 143), ("Succeeded", 0)] == [
        (end["status"]["phase"], terminated(end)["exitCode"]) for end in ends
    ]


async def test_a_pod_host_that_dies_takes_its_pods_with_it_and_is_replaced(machine: Machine) -> None:
    pod = machine.create("p", "/bin/sh", "-c", "echo $PPID ppid; sleep 300 & echo $! pid; wait")
    words = (await machine.said(pod, "pid")).split()
    await machine.phase("p", "Running")

    os.kill(int(words[0]), signal.SIGKILL)
    over = await machine.end_of("p")
    machine.create("next", "/bin/true")

    assert (137, "ContainerStatusUnknown") == (terminated(over)["exitCode"], terminated(over)["reason"])
    assert "DisruptionTarget" in [one["type"] for one in over["status"]["conditions"]]
    assert "Succeeded" == (await machine.end_of("next"))["status"]["phase"]


async def test_what_ran_when_the_cluster_was_killed_is_lost_and_said_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    started = {"name": "main", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    status = {"phase": "Running", "containerStatuses": [started]}
    spec = {"containers": [{"name": "main", "command": ["true"]}]}
    store.create("Pod", {"metadata": {"name": "p"}, "spec": spec, "status": status})
    stray = tmp_path / "pods" / "of-nobody"
    stray.mkdir(parents=True)
    store.close()

    async with machine_at(tmp_path) as machine:
        pod = await machine.end_of("p")

    assert not stray.exists()
    state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (137, "2026-01-01T00:00:00Z") == (state["exitCode"], state["startedAt"])
    mark = next(one for one in pod["status"]["conditions"] if one["type"] == "DisruptionTarget")
    assert ("True", "TerminationByKubelet") == (mark["status"], mark["reason"])
