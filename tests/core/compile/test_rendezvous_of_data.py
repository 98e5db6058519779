"""Dask, XGBoost and TensorFlow: what each role's pods are told, and what is refused before anything is made."""

import json
from typing import Any

import pytest

from dagset.compile import compile_node
from dagset.compile.rendezvous import FRAMEWORKS, rendezvous_env
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity

SCHEDULER, WORKER = {"name": "scheduler", "image": "i"}, {"name": "worker", "image": "i", "pods": 2}
CHIEF, EVALUATOR = {"name": "chief", "image": "i"}, {"name": "evaluator", "image": "i"}


def node_of(framework: str, *roles: dict[str, Any], **words: Any) -> DagNode:
    given = {"roles": list(roles)} if roles else {"image": "i", "pods": 3}
    return DagNode(name="n", rendezvous=framework, **{**given, **words})  # type: ignore[arg-type]


def told(node: DagNode) -> dict[str, dict[str, str]]:
    """Return the variables of each role, of an owner called n-1."""
    return {
        role.name: {entry["name"]: entry["value"] for entry in rendezvous_env(node, role, name="n-1")}
        for role in node.roles
    }


def test_all_pods_of_dask_know_the_scheduler_and_wait_for_it_as_long_as_the_node_does():
    node = node_of("dask", SCHEDULER, WORKER, start_timeout="5m")
    known = {
        "DASK_SCHEDULER_ADDRESS": "tcp://n-1-scheduler-0-0.n-1:8786",
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "300s",
    }

    assert {"scheduler": known, "worker": known} == told(node)


def test_a_worker_of_xgboost_is_numbered_by_its_index():
    known = {
        "DMLC_TRACKER_URI": "n-1-worker-0-0.n-1",
        "DMLC_TRACKER_PORT": "29500",
        "DMLC_NUM_WORKER": "3",
        "DMLC_TASK_ID": "$(DAGSET_INDEX)",
        "DMLC_WORKER_CONNECT_RETRY": "32",
    }

    assert {"worker": known} == told(node_of("xgboost"))


@pytest.mark.parametrize("start_timeout", ["1s", "15m", "3d", None])
def test_a_worker_of_xgboost_asks_for_the_tracker_as_long_as_the_node_waits_for_pods(start_timeout: str | None):
    node = node_of("xgboost", start_timeout=start_timeout)
    tries = int(told(node)["worker"]["DMLC_WORKER_CONNECT_RETRY"])

    assert tries * (tries - 1) >= (node.start_timeout_s or 10**6)  # two seconds more before each


def test_tensorflow_names_every_pod_but_the_evaluators_and_kubernetes_fills_in_the_own_index():
    node = node_of("tensorflow", CHIEF, WORKER, EVALUATOR)
    cluster = {"chief": ["n-1-chief-0-0.n-1:2222"], "worker": [f"n-1-worker-0-{at}.n-1:2222" for at in (0, 1)]}
    read = {
        role: json.loads(variables["TF_CONFIG"].replace("$(DAGSET_INDEX)", "1"))
        for role, variables in told(node).items()
    }

    assert read == {
        role: {"cluster": cluster, "task": {"type": role, "index": 1}} for role in ("chief", "worker", "evaluator")
    }


def test_the_largest_tf_config_fits_one_variable_of_linux():
    name = "n" * 63
    node = DagNode(name=name, image="i", pods=1000, rendezvous="tensorflow")
    env = compile_node(node, Identity(owner="o")).owner["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    entries = {each["name"]: each.get("value", "") for each in env["spec"]["containers"][0]["env"]}

    assert len(f"TF_CONFIG={entries['TF_CONFIG']}") < 128 * 1024  # MAX_ARG_STRLEN (linux: include/uapi/linux/binfmts.h)


@pytest.mark.parametrize(
    ("node", "refused"),
    [
        (
            node_of("dask", {**SCHEDULER, "pods": 2}, WORKER),
            "roles[0].pods: dask has one scheduler, and the first role has 2; "
            "write pods: 1, or put the scheduler's role first",
        ),
        (
            node_of("dask", SCHEDULER, {**WORKER, "after": [{"role": "scheduler"}]}),
            "roles[1].after: 'worker' would start when its scheduler has ended; write when: ready, or remove it",
        ),
        (
            node_of("xgboost", CHIEF, WORKER),
            "rendezvous: xgboost ranks the pods of one role, this node has 2; "
            "give one role, or set the framework's variables in env",
        ),
        (
            node_of("xgboost", gpu=4),
            "gpu: 4 in each pod, and xgboost uses one in each process; write gpu: 1 and 4 times as many pods",
        ),
        (
            node_of("tensorflow", CHIEF, {**WORKER, "name": "helper"}),
            "roles[1].name: 'helper' is no task type of tensorflow; choose from chief, worker, ps, evaluator",
        ),
        (
            node_of("tensorflow", {**CHIEF, "pods": 2}, WORKER),
            "roles[0].pods: 2 of 'chief', and tensorflow has one; write pods: 1, or name the role worker",
        ),
        (
            node_of("tensorflow", pods=1001),
            "rendezvous: 1001 pods, and TF_CONFIG names each in one variable, of at most 128 KiB; "
            "give at most 1000 pods",
        ),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_what_a_framework_cannot_be_run_as_is_refused(node: DagNode, refused: str):
    with pytest.raises(InvalidNode) as error:
        compile_node(node, Identity(owner="o"))

    assert refused == str(error.value)


@pytest.mark.parametrize("framework", ["dask", "xgboost", "tensorflow"])
def test_one_role_will_do(framework: str):
    assert {"worker": set(FRAMEWORKS[framework].sources)} == {
        role: set(variables) for role, variables in told(node_of(framework)).items()
    }
