# ruff: noqa: E501  whole messages
"""What is no node is refused in one sentence that says what to do."""

import pytest

from dagset.errors import InvalidNode
from dagset.importers.objects import import_object

KNOWN = "Job (batch/v1), JobSet (jobset.x-k8s.io/v1alpha2), PyTorchJob (kubeflow.org/v1), MPIJob (kubeflow.org/v2beta1)"
POD = "template: {spec: {containers: [{name: a, image: b}]}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no object of Kubernetes; give a file with apiVersion, kind, metadata and spec"),
        ("[1]", "holds no object of Kubernetes; give a file with apiVersion, kind, metadata and spec"),
        ("a: 1", f"is no object of Kubernetes, which has a kind and an apiVersion; dagset imports one {KNOWN}"),
        ("{apiVersion: v1, kind: List, items: []}", "kind: 'List': a List holds several objects, and a node is one; give one of its items"),
        ("{apiVersion: batch/v1, kind: JobList}", "kind: 'JobList': a List holds several objects, and a node is one; give one of its items"),
        ("{apiVersion: v1, kind: Pod}", f"kind: 'Pod' is not a kind that becomes a node; dagset imports one {KNOWN}"),
        ("{apiVersion: batch/v1beta1, kind: Job}", "apiVersion: 'batch/v1beta1' is not the version of Job that is read; give batch/v1"),
        ("{apiVersion: batch/v1, kind: Job}\n---\n{apiVersion: batch/v1, kind: Job}\n", "holds several documents, and a node is one object; give each in a file of its own"),
        ("{apiVersion: batch/v1, kind: Job, 1: 2}", "the key 1 is no text; quote it"),
        ("{apiVersion: batch/v1, kind: Job, spec: 3}", "spec: is not a mapping; `kubectl explain` tells what stands there"),
        ("{apiVersion: batch/v1, kind: Job, spec: {}}", "spec.template.spec.containers: holds no container; name an image"),
        (f"{{apiVersion: batch/v1, kind: Job, spec: {{completions: x, {POD}}}}}", "spec.completions: is not a whole number; `kubectl explain` tells what stands there"),
        (f"{{apiVersion: batch/v1, kind: Job, spec: {{backoffLimit: -1, {POD}}}}}", "spec.backoffLimit: -1 is out of range; give a whole number from 0"),
        ("{apiVersion: jobset.x-k8s.io/v1alpha2, kind: JobSet, spec: {}}", "spec.replicatedJobs: holds no replicatedJob; a node has at least one role"),
        ("{apiVersion: kubeflow.org/v1, kind: PyTorchJob, spec: {pytorchReplicaSpecs: {Chief: {}}}}", "spec.pytorchReplicaSpecs.Chief: is no replica type of this kind; choose from Master, Worker"),
        ("{apiVersion: kubeflow.org/v1, kind: PyTorchJob}", "spec.pytorchReplicaSpecs: holds no replicas; give Master or Worker"),
        ("{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: [{name: a, image: b, env: [{name: DAGSET_X, value: s3cret}]}]}}}}", "node.env['DAGSET_X']: is set by dagset itself; choose another name"),
        ("{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: [{name: pytorch, image: b}, {name: main, image: b}, {name: main, image: c}]}}}}", "spec.template.spec.containers[2].name: is the name that the program's container gets; call it otherwise"),
    ],
)  # fmt: skip
def test_what_is_no_node_is_refused_in_one_sentence(text: str, message: str):
    with pytest.raises(InvalidNode) as refused:
        import_object(text)

    assert message == str(refused.value)
