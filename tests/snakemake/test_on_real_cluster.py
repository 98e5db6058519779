"""Workflows on the true controllers: pods are containers that find this machine's Snakemake and folder on volumes."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.realcluster import faults, images
from tests.realcluster.images import PYTHON
from tests.realcluster.place import GATEWAY, place_at
from tests.realcluster.restricted import kubectl, namespace_of
from tests.snakemake.test_mpi import SNAKEFILE as MPI
from tests.snakemake.test_upstream import cases_pass, s3_cases_pass
from tests.snakemake.workflow import Workflow, ended, until_said

pytestmark = [pytest.mark.realcluster, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
QUEUE = "snakemake"
PATIENCE_S = 300


def host_volumes(*folders: Path) -> list[str]:
    """What a pod needs of this machine to run its Snakemake."""
    here = {str(folder) for folder in (sys.base_prefix, sys.prefix, ROOT, *folders)}
    return ["/usr", "/usr/lib:/lib", "/usr/lib64:/lib64", *sorted(each for each in here if not each.startswith("/usr"))]


@pytest.fixture
def workflow(real_cluster: Path, tmp_path: Path) -> Iterator[Workflow]:
    """A folder that pods find, and a namespace of its own."""
    volumes = ("--jobset-image", PYTHON, "--jobset-volumes", *host_volumes(tmp_path))
    fast = ("--max-jobs-per-timespan", "10000/1s", "--jobs", "400")
    with namespace_of(real_cluster) as namespace:
        yield Workflow(tmp_path, real_cluster, options=(*volumes, *fast), namespace=namespace)


def until(is_so: Callable[[], object], claim: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, f"after {PATIENCE_S} s it is not so that {claim}"
        time.sleep(0.1)


MANY = """
rule all:
    input: expand("many{i}", i=range(80)), expand("greedy{i}", i=range(3)), "takena", "takenb", "queued",
        expand("chunk{i}", i=range(4)), expand("lost{i}", i=["a", "b", "c"]), expand("moved{i}", i=["a", "b", "c"])

rule many:  # one fails once, one for good, one is killed for good
    output: "many{i}"
    retries: 1
    resources: jobset_chunk=20, jobset_cpu="200m"
    shell: "echo says {wildcards.i}; echo run >> runs-many{wildcards.i}; case {wildcards.i} in "
        "17) test $(wc -l < runs-many17) = 2;; 23) exit 3;; 42) kill -9 $$;; esac; touch {output}"

rule greedy:  # one asks for too little memory, and gets more
    output: "greedy{i}"
    retries: 1
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt ** 3, jobset_cpu="200m"
    shell: "echo run >> runs-greedy{wildcards.i}; [ {wildcards.i} != 1 ] || "
        "python3 -c \\"data = bytearray(400 << 20); print('held', len(data))\\"; touch {output}"

rule taken:  # the pod of one is evicted
    output: "taken{i}"
    resources: jobset_cpu="200m"
    shell: "echo run >> runs-taken{wildcards.i}; "
        "[ {wildcards.i} = b ] || until [ -e go ]; do sleep 0.2; done; touch {output}"

rule chunk:  # of four in a pod one asks for too little memory, then one for too little time
    output: "chunk{i}"
    retries: 1
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt ** 3, jobset_chunk=4, jobset_cpu="200m",
        jobset_deadline=lambda wildcards, attempt: ("20s", "10m")[attempt - 1]
    shell: "echo run >> runs-chunk{wildcards.i}; case {wildcards.i}-$(wc -l < runs-chunk{wildcards.i}) in "
        "1-1) python3 -c 'print(len(bytearray(400 << 20)))';; 2-1) sleep 600;; esac; "
        "touch {output}"

rule lost:  # the pod of three is evicted when the second runs, and is not to be run again by Kubernetes
    output: "lost{i}"
    resources: jobset_on_disruption="fail", jobset_grace_period="2s", jobset_chunk=3, jobset_cpu="200m"
    shell: "echo run >> runs-lost{wildcards.i}; "
        "[ {wildcards.i} != b ] || [ $(wc -l < runs-lostb) = 2 ] || sleep 600; touch {output}"

rule moved:  # the same, and Kubernetes runs it again
    output: "moved{i}"
    resources: jobset_grace_period="2s", jobset_chunk=3, jobset_cpu="200m"
    shell: "echo run >> runs-moved{wildcards.i}; "
        "[ {wildcards.i} != b ] || [ $(wc -l < runs-movedb) = 2 ] || sleep 600; touch {output}"

rule queued:
    output: "queued"
    resources: jobset_queue_name="QUEUE", jobset_cpu="200m"
    shell: "touch {output}"
""".replace("QUEUE", QUEUE)


def queue(workflow: Workflow, *, cpu: str) -> None:
    """Make a queue with this much room, or change its room."""
    kueue = {"apiVersion": "kueue.x-k8s.io/v1beta2"}
    flavors = [{"name": "default", "resources": [{"name": "cpu", "nominalQuota": cpu}]}]
    groups = [{"coveredResources": ["cpu"], "flavors": flavors}]
    cluster_queue = {"namespaceSelector": {}, "resourceGroups": groups}
    objects = [
        {**kueue, "kind": "ClusterQueue", "metadata": {"name": workflow.namespace}, "spec": cluster_queue},
        {**kueue, "kind": "LocalQueue", "metadata": {"name": QUEUE}, "spec": {"clusterQueue": workflow.namespace}},
    ]
    manifests = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    kubectl(workflow.kubeconfig, "apply", "-n", str(workflow.namespace), "-f", "-", stdin=manifests)


def evict(workflow: Workflow, *, rule: str, index: int) -> None:
    """Evict a running pod of a rule's array, as a drain does."""
    labels = "batch.kubernetes.io/job-completion-index"
    (pod,) = [
        each
        for each in workflow.objects("Pod")
        if each["metadata"]["name"].startswith(rule) and each["metadata"]["labels"].get(labels) == str(index)
    ]
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    kubectl(workflow.kubeconfig, "create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))


def runs(workflow: Workflow, task: str) -> int:
    path = workflow.folder / f"runs-{task}"
    return path.read_text().count("run") if path.exists() else 0


def test_jobs_of_arrays_fail_are_killed_evicted_and_queued_each_for_itself(workflow: Workflow):
    workflow.write(MANY)
    queue(workflow, cpu="0")

    def hands() -> None:
        for rule in ("lost", "moved"):
            until(lambda rule=rule: runs(workflow, f"{rule}b") == 1, f"the second job of rule {rule} runs")
            evict(workflow, rule=rule, index=0)
        until(lambda: runs(workflow, "takena") == 1, "the job to be evicted runs")
        evict(workflow, rule="taken", index=0)
        until(lambda: runs(workflow, "takena") == 2, "it runs again")
        (workflow.folder / "go").touch()

    other = threading.Thread(target=hands, daemon=True)
    other.start()
    process = workflow.start("--keep-going")
    said = until_said(process, f" is queued: in queue {QUEUE}: ")
    queue(workflow, cpu="1")
    run = ended(process)
    other.join(PATIENCE_S)
    kubectl(workflow.kubeconfig, "delete", "clusterqueue", str(workflow.namespace), "--wait=false")

    said += run.said
    made = {path.name for path in workflow.folder.iterdir()}
    assert {f"many{i}" for i in range(80)} - made == {"many23", "many42"}, said
    assert {f"{rule}{i}" for rule, of in (("chunk", "0123"), ("lost", "abc"), ("moved", "abc")) for i in of} <= made, (
        said
    )
    assert {"greedy0", "greedy1", "greedy2", "takena", "takenb", "queued"} <= made, said
    assert {0: 1, 17: 2, 23: 2, 42: 2} == {i: runs(workflow, f"many{i}") for i in (0, 17, 23, 42)}
    assert [1, 2, 1] == [runs(workflow, f"greedy{i}") for i in range(3)]
    assert [2, 1] == [runs(workflow, f"taken{i}") for i in "ab"], "Kubernetes has run it again, Snakemake has not"
    assert [1, 2, 2, 1] == [runs(workflow, f"chunk{i}") for i in range(4)]
    assert [1, 2, 1] * 2 == [runs(workflow, f"{rule}{i}") for rule in ("lost", "moved") for i in "abc"]
    assert [2, 0, 0] == [said.count(f"Error in rule {rule}:") for rule in ("chunk", "lost", "moved")], said
    assert "deadline_exceeded: it took longer than 20s; ask for more runtime" in said
    for free in (
        "lost:i=b is run again, without a retry spent (1)",
        "lost:i=c is run again, without a retry spent (0)",
    ):
        assert free in said
    assert "moved:i=b is run again" not in said, "by Kubernetes, which Snakemake need not know"
    assert "oom_killed" in said
    assert "app_error: it exited 1" in said
    assert "insufficient quota for cpu in flavor default" in said
    logs = workflow.folder / ".snakemake" / "jobset_logs"
    of_many = [path.read_text() for path in (logs / "many").glob("*.log")]
    assert 80 + 3 == len(of_many), "each job leaves its log, and what is tried again another one"
    assert 80 == len({line for log in of_many for line in log.splitlines() if line.startswith("says ")})
    assert 1 == run.code


LONG = """
rule all:
    input: expand("long{i}", i=range(3)), "lone"

rule long:
    output: "long{i}"
    resources: jobset_cpu="200m"
    shell: "echo run >> runs-long{wildcards.i}; until [ -e go{wildcards.i} ]; do sleep 0.2; done; touch {output}"

rule lone:
    output: "lone"
    resources: jobset_cpu="200m"
    shell: "echo run >> runs-lone; until [ -e go0 ]; do sleep 0.2; done; touch {output}"
"""


def test_killed_followed_again_through_a_restart_of_the_api_server_and_cancelled(workflow: Workflow):
    workflow.write(LONG)
    all_of_them = ("long0", "long1", "long2", "lone")
    crashed = workflow.start()
    until(lambda: all(runs(workflow, each) for each in all_of_them), "all jobs run")
    os.killpg(crashed.pid, signal.SIGKILL)
    ended(crashed)

    again = workflow.start("--nolock", "--rerun-incomplete")
    until_said(again, "is running already")
    until_said(again, "is running already")
    here = place_at(workflow.kubeconfig.parent)
    faults.kill(here, "kube-apiserver")
    (workflow.folder / "go0").touch()
    until((workflow.folder / "lone").exists, "a job ends while nobody can be asked")
    faults.start(here, "kube-apiserver")
    until_said(again, "2 of 5 steps")  # lone and long0
    os.killpg(again.pid, signal.SIGINT)
    run = ended(again)

    assert 1 == run.code, run.said
    assert "jobset: cancelling 1 node " in run.said
    assert ([], []) == (workflow.objects("Job"), workflow.objects("Pod"))
    assert [1] * 4 == [runs(workflow, each) for each in all_of_them], "nothing was doubled"


def test_upstreams_workflows_run(workflow: Workflow):
    options = {"image": PYTHON, "namespace": workflow.namespace, "volumes": host_volumes(workflow.folder)}
    cases_pass(workflow.kubeconfig, workflow.folder, OPTIONS_OF_CASES=json.dumps(options))


def test_upstreams_workflows_run_with_s3_and_no_shared_files(workflow: Workflow):
    """Snakemake and its S3 server are in the cluster's network too, so that one address is right for all."""
    volumes = host_volumes()  # the tools, as an image would have them; not the working directory
    options = {"image": PYTHON, "namespace": workflow.namespace, "volumes": volumes}
    within = (sys.executable, "-m", "tests.realcluster", "exec", "--")
    kubeconfig = place_at(workflow.kubeconfig.parent).inner_kubeconfig

    s3_cases_pass(kubeconfig, workflow.folder, address=GATEWAY, within=within, OPTIONS_OF_CASES=json.dumps(options))


def test_a_rule_with_mpi_runs_over_three_pods(workflow: Workflow):
    workflow.write(MPI)
    volumes = [*host_volumes(workflow.folder), "/etc/alternatives", "/etc/openmpi"]  # mpirun is a link through these

    options = ("--jobset-image", PYTHON, "--jobset-volumes", *volumes, "--jobs", "1")

    run = replace(workflow, options=options).run("ranks")

    assert 0 == run.code, run.said
    lines = (workflow.folder / "ranks").read_text().splitlines()
    assert [f"rank {rank} of 3 in {rank}" for rank in range(3)] == lines
    left = [each for each in workflow.objects("JobSet") if "deletionTimestamp" not in each["metadata"]]
    assert [] == left, "what went well is deleted, or going"


BARE = """
rule all:
    input: "bare0", "bare1", "met", "fails"

rule bare:
    output: "bare{i}"
    resources: jobset_bare="on", jobset_cpu="100m", shell_exec="sh"
    shell: "echo says {wildcards.i}; echo $(command -v bash || command -v python3 || echo busybox) > {output}"

rule met:
    output: "met"
    resources: jobset_bare="on", jobset_cpu="100m", nodes=2, jobset_rendezvous="torch", jobset_image="PYTHON"
    shell: "python3 -c 'import os; print(os.environ[\\"MASTER_ADDR\\"], \\"says\\", os.environ[\\"RANK\\"], \\"of\\", "
        "os.environ[\\"WORLD_SIZE\\"])'; [ $RANK = 1 ] || touch {output}"

rule fails:
    output: "fails"
    retries: 2
    resources: jobset_bare="on", jobset_cpu="100m", shell_exec="sh", jobset_node="fails.yaml"
    shell: "echo run >> runs-fails; exit 42"
""".replace("PYTHON", PYTHON)


def test_bare_rules_run_in_images_without_snakemake(workflow: Workflow):
    workflow.write(BARE)
    (workflow.folder / "fails.yaml").write_text("fail_exit_codes: [42]\n")
    options = (
        "--jobset-image",
        images.BUSYBOX,
        "--jobset-volumes",
        str(workflow.folder),
        "--jobs",
        "10",
        "--keep-going",
    )

    run = replace(workflow, options=options).run()

    assert 1 == run.code, run.said
    assert ["busybox\n"] * 2 == [(workflow.folder / f"bare{i}").read_text() for i in range(2)], run.said
    logs = workflow.folder / ".snakemake" / "jobset_logs"
    assert ["says 0\n", "says 1\n"] == sorted(path.read_text() for path in (logs / "bare").iterdir())
    assert (workflow.folder / "met").exists(), run.said
    met = [line.split(" ") for line in workflow.log("met").splitlines()]
    assert {("worker[0]", "0", "2"), ("worker[1]", "1", "2")} == {(said[0], said[3], said[5]) for said in met}
    assert 1 == runs(workflow, "fails"), "its own exit code has said that it is in vain"
    assert "failed_fast: worker[0] exited 42" in run.said
