"""The harness keeps its promises on the true cluster that it starts."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.realcluster import build, cgroups, cluster, inside
from tests.realcluster.fixtures import harness
from tests.realcluster.place import SECOND, place_at

pytestmark = pytest.mark.realcluster

EVERYTHING_A_NODE_MAY_IMPORT = "import socket, json, csv, math, random, ctypes, subprocess, hashlib, ssl, sqlite3"


def kubectl(state: Path, *arguments: str, stdin: object = None) -> str:
    done = subprocess.run(
        [f"{build.find_built()}/bin/kubectl", "--kubeconfig", str(state / "kubeconfig"), *arguments],
        input=json.dumps(stdin) if stdin else None,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def first_process(state: Path) -> int:
    pid = inside.first_process(place_at(state))
    assert pid is not None, f"no cluster runs in {state}"
    return pid


def job(name: str, *, image: str, command: list[str], **container: object) -> dict:
    main = {"name": "main", "image": image, "command": command, **container}
    pod = {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [main]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": pod}}


def test_up_twice_leaves_the_first_cluster_as_it_is(own_cluster: Path) -> None:
    first = first_process(own_cluster)

    again = harness("up", state=own_cluster)

    assert (0, first) == (again.returncode, first_process(own_cluster))
    assert "already up" in again.stderr


def test_status_names_every_component_as_ready(own_cluster: Path) -> None:
    status = harness("status", state=own_cluster)

    first, *components = status.stdout.splitlines()
    assert (0, True) == (status.returncode, first.startswith("up: "))
    assert ["ready"] * 10 == [line.split()[3] for line in components]


def test_the_kubeconfig_works_on_the_machine_and_the_node_offers_gpus(own_cluster: Path) -> None:
    node = json.loads(kubectl(own_cluster, "get", "nodes", "-o", "json"))["items"][0]

    assert str(own_cluster / "kubeconfig") == harness("kubeconfig", state=own_cluster).stdout.strip()
    assert ("dagset", "v1.36.3") == (node["metadata"]["name"], node["status"]["nodeInfo"]["kubeletVersion"])
    assert "4" == node["status"]["allocatable"]["nvidia.com/gpu"]


@pytest.mark.parametrize(
    ("image", "command"),
    [
        pytest.param("busybox:1", ["sh", "-c", "echo it runs"], id="busybox"),
        pytest.param(
            "python:3.11-slim",
            ["python3", "-c", f"{EVERYTHING_A_NODE_MAY_IMPORT}; print(subprocess.getoutput('echo it runs'))"],
            id="python",
        ),
    ],
)
def test_a_job_of_each_image_completes_as_any_user_and_tells_its_log(
    own_cluster: Path, image: str, command: list[str]
) -> None:
    name = f"runs-{image.partition(':')[0]}"
    anybody = {"runAsUser": 12345, "runAsNonRoot": True, "allowPrivilegeEscalation": False}
    one_gpu = {"limits": {"nvidia.com/gpu": 1}}
    wanted = job(name, image=image, command=command, securityContext=anybody, resources=one_gpu)

    kubectl(own_cluster, "create", "-f", "-", stdin=wanted)
    kubectl(own_cluster, "wait", f"job/{name}", "--for=condition=Complete", "--timeout=60s")

    assert "it runs\n" == kubectl(own_cluster, "logs", f"job/{name}")


def test_pods_of_a_jobset_find_each_other_and_its_foreground_deletion_ends(own_cluster: Path) -> None:
    look_up = "until nslookup pair-role-0-1.pair.default.svc.cluster.local; do sleep 0.2; done"
    role = job("x", image="busybox:1", command=["sh", "-c", look_up])["spec"] | {"parallelism": 2, "completions": 2}
    pair = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "pair"},
        "spec": {"replicatedJobs": [{"name": "role", "template": {"spec": role}}]},
    }

    kubectl(own_cluster, "create", "-f", "-", stdin=pair)
    kubectl(own_cluster, "wait", "jobset/pair", "--for=condition=Completed", "--timeout=60s")
    kubectl(own_cluster, "delete", "jobset/pair", "--cascade=foreground", "--timeout=20s")

    assert "" == kubectl(own_cluster, "get", "jobs,pods", "-l", "jobset.sigs.k8s.io/jobset-name=pair", "-o", "name")


def test_a_job_that_names_a_queue_waits_until_kueue_admits_it(own_cluster: Path) -> None:
    queued = job("queued", image="busybox:1", command=["true"], resources={"requests": {"cpu": "100m"}})
    queued["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "local"}
    kubectl(own_cluster, "create", "-f", "-", stdin=queued)
    held = kubectl(own_cluster, "get", "job/queued", "-o", "jsonpath={.spec.suspend}")

    for made in queue("local", cpu="200m"):
        kubectl(own_cluster, "create", "-f", "-", stdin=made)
    kubectl(own_cluster, "wait", "job/queued", "--for=condition=Complete", "--timeout=60s")

    assert "true" == held


def queue(name: str, *, cpu: str) -> list[dict]:
    resources = [{"name": "cpu", "nominalQuota": cpu}]
    groups = [{"coveredResources": ["cpu"], "flavors": [{"name": "default", "resources": resources}]}]
    spec = {"namespaceSelector": {}, "resourceGroups": groups}
    head = {"apiVersion": "kueue.x-k8s.io/v1beta2", "metadata": {"name": name}}
    return [
        {**head, "kind": "ClusterQueue", "spec": spec},
        {**head, "kind": "LocalQueue", "spec": {"clusterQueue": name}},
    ]


def test_a_second_host_runs_what_tolerates_it_and_may_be_lost_and_come_back(own_cluster: Path) -> None:
    started = [harness("host", state=own_cluster).returncode for _ in range(2)]
    second = cluster.second_host(place_at(own_cluster), say=print)
    wanted = job("far", image="busybox:1", command=["sh", "-c", "echo it runs; sleep 1000"])
    wanted["spec"]["template"]["spec"] |= {"nodeName": SECOND.name, "tolerations": [{"operator": "Exists"}]}
    kubectl(own_cluster, "create", "-f", "-", stdin=wanted)
    kubectl(own_cluster, "wait", "job/far", "--for=jsonpath={.status.ready}=1", "--timeout=60s")
    log = kubectl(own_cluster, "logs", "job/far")

    second.kill()
    lost = harness("status", state=own_cluster)
    second.start()
    kubectl(own_cluster, "wait", "job/far", "--for=jsonpath={.status.failed}=1", "--timeout=60s")

    assert ([0, 0], "it runs\n") == (started, log)
    assert ("up", True) == (lost.stdout[:2], "kubelet-2               ended with exit code -9" in lost.stdout)


def test_inside_there_is_no_route_to_the_world(own_cluster: Path) -> None:
    routes = harness("exec", "--", "ip", "route", "show", "default", state=own_cluster)

    assert (0, "") == (routes.returncode, routes.stdout)


def test_a_killed_program_is_told_and_the_next_up_starts_anew(state: Path) -> None:
    assert 0 == harness("up", state=state).returncode
    first = first_process(state)
    scheduler = inside.ask(place_at(state), status=True)["kube-scheduler"]["pid"]
    os.kill(inside.outer_pids(first)[scheduler], signal.SIGKILL)

    ended = wait_for_words(state, "kube-scheduler          ended with exit code -9")
    again = harness("up", state=state)

    assert ("not up", 1) == (ended.stdout[:6], ended.returncode)
    assert 0 == again.returncode
    assert first != first_process(state)


def wait_for_words(state: Path, words: str) -> subprocess.CompletedProcess[str]:
    deadline = time.monotonic() + 20
    while words not in (status := harness("status", state=state)).stdout:
        assert time.monotonic() < deadline, status.stdout
    return status


def test_a_component_that_fails_is_named_with_the_end_of_its_log_and_nothing_keeps_running(
    state: Path, tmp_path: Path
) -> None:
    built = build.find_built()
    assert built is not None
    broken = tmp_path / "realcluster" / built.name
    (broken / "bin").mkdir(parents=True)
    for path in [*built.glob("*.yaml"), *built.glob("bin/*")]:
        (broken / path.relative_to(built)).symlink_to(path)
    (broken / "bin/kube-apiserver").unlink()
    (broken / "bin/kube-apiserver").write_text("#!/bin/sh\necho no port left >&2\nexit 3\n")
    (broken / "bin/kube-apiserver").chmod(0o755)

    failed = harness("up", state=state, environment={"DAGSET_CACHE": str(tmp_path)})

    assert (1, "kube-apiserver has ended; its log ends:\n    no port left\n") == (
        failed.returncode,
        failed.stderr[failed.stderr.index("kube-apiserver") :],
    )
    assert [] == inside.ours(place_at(state)) == cgroups.leftovers(place_at(state))


@pytest.mark.parametrize("killed", [pytest.param(False, id="up"), pytest.param(True, id="process 1 killed")])
def test_down_leaves_nothing(state: Path, killed: bool) -> None:
    before = traces(state)
    assert 0 == harness("up", state=state).returncode
    kubectl(state, "create", "-f", "-", stdin=job("stays", image="busybox:1", command=["sleep", "1000"]))
    kubectl(state, "wait", "job/stays", "--for=jsonpath={.status.ready}=1", "--timeout=60s")
    if killed:
        os.kill(first_process(state), signal.SIGKILL)

    down = harness("down", state=state)

    assert (0, before) == (down.returncode, traces(state))


def traces(state: Path) -> dict[str, list[str]]:
    """Whatever of a cluster can be seen on the machine."""
    processes = [argv for directory in Path("/proc").glob("[0-9]*") if str(state) in (argv := command_of(directory))]
    return {
        "processes": processes,
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(state) in line],
        "control groups": [str(group) for group in cgroups.leftovers(place_at(state))],
        "files": [str(path) for path in state.parent.rglob("*")],
        "named network namespaces": sorted(str(path) for path in Path("/run/netns").glob("*")),
        "settings": [Path(f"/proc/sys/{name}").read_text() for name in ("kernel/panic", "vm/overcommit_memory")],
    }


def command_of(directory: Path) -> str:
    try:
        return (directory / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
