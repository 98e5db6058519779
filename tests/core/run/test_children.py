"""What a dry run asks for in the controllers' place: as they would make it, less what only they may write."""

import pytest

from dagset import constants
from dagset.compile import compile_node
from dagset.model import DagNode, Identity
from dagset.run.children import child_jobs, first_pod, needed_by


def owner(**words):
    return compile_node(DagNode(name="n", image="a", pods=2, **words), Identity(owner="o")).owner


def test_a_jobset_has_a_job_for_each_role_and_a_job_has_pods():
    gang = owner(coupling="gang")
    job = child_jobs(gang, namespace="ml")["worker"]
    pod = first_pod(job, namespace="ml")
    name = gang["metadata"]["name"]

    assert ("Job", f"{name}-worker-0", "ml") == (job["kind"], job["metadata"]["name"], job["metadata"]["namespace"])
    assert ("Pod", f"{name}-worker-0-0-check") == (pod["kind"], pod["metadata"]["name"])
    assert (f"{name}-worker-0-0", name) == (pod["spec"]["hostname"], pod["spec"]["subdomain"])
    assert "worker" == pod["metadata"]["labels"][constants.ROLE]


def test_nothing_in_it_is_the_controllers_own():
    job = child_jobs(owner(coupling="gang"), namespace="ml")["worker"]
    pod = first_pod(job, namespace="ml")

    assert [{"name", "namespace", "labels", "annotations"}] * 2 == [set(made["metadata"]) for made in (job, pod)]
    assert [{"apiVersion", "kind", "metadata", "spec"}] * 2 == [set(made) for made in (job, pod)]


REFERENCE = {"name": "c", "key": "k"}


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        ({}, []),
        ({"imagePullSecrets": [{"name": "s"}]}, [("Secret", "s")]),
        ({"volumes": [{"name": "v", "configMap": {"name": "c"}}]}, [("ConfigMap", "c")]),
        ({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, [("Secret", "s")]),
        ({"volumes": [{"name": "v", "secret": {"secretName": "s", "optional": True}}]}, []),
        (
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "p"}}, {"name": "w", "emptyDir": {}}]},
            [("PersistentVolumeClaim", "p")],
        ),
        ({"volumes": [{"projected": {"sources": [{"secret": {"name": "s"}}, {"serviceAccountToken": {}}]}}]},
         [("Secret", "s")]),
        ({"initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "s"}}]}]}, [("Secret", "s")]),
        (
            {"containers": [{"name": "m", "env": [{"name": "A", "value": "1"},
                                                  {"name": "B", "valueFrom": {"configMapKeyRef": REFERENCE}},
                                                  {"name": "C", "valueFrom": {"secretKeyRef": REFERENCE}}]}]},
            [("ConfigMap", "c"), ("Secret", "c")],
        ),
    ],
)  # fmt: skip
def test_what_a_pod_cannot_start_without(spec, needed):
    assert needed == needed_by({"spec": {"containers": [], **spec}})
