"""What a pod may ask of the machine, and which image names can be read: in the real scheduler's and kubelet's words."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dagset.local.kubelet.imagename import problem_of_image
from dagset.local.kubelet.scheduling import Machine, requests_of, this_machine, why_not_here

Object = dict[str, Any]

MACHINE = Machine(
    labels={"kubernetes.io/hostname": "here", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
    has={"cpu": Fraction(2), "memory": Fraction(2**30), "nvidia.com/gpu": Fraction(1)},
)
NO_PREEMPTION = (
    "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
)


def asking(*requests: Object, limits: Object | None = None, **spec: Any) -> Object:
    containers = [{"name": f"c{number}", "resources": {"requests": one}} for number, one in enumerate(requests)]
    limited = [{"name": "limited", "resources": {"limits": limits}}] if limits else []
    return {"spec": {"containers": [*containers, *limited], **spec}}


def required(key: str, operator: str, *values: str, field: str = "matchExpressions") -> Object:
    terms = [{field: [{"key": key, "operator": operator, "values": [*values]}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


HERE = {
    "nothing": asking({}),
    "all there is": asking({"cpu": "2", "memory": "1Gi"}),
    "a device": asking(limits={"nvidia.com/gpu": "1"}),
    "pages are not measured": asking(limits={"hugepages-2Mi": "99Ti"}),
    "none of a device": asking(limits={"acme.com/gpu": "0"}),
    "a selector": asking(nodeSelector={"kubernetes.io/os": "linux"}),
    "an affinity": asking(affinity=required("kubernetes.io/arch", "In", "amd64", "arm64")),
    "an affinity by name": asking(affinity=required("metadata.name", "In", "here", field="matchFields")),
    "an affinity to what is not": asking(affinity=required("gpu", "DoesNotExist")),
    "a preference": asking(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}),
}


@pytest.mark.parametrize("pod", HERE.values(), ids=HERE.keys())
def test_a_pod_that_fits_is_taken(pod: Object) -> None:
    assert why_not_here(pod, machine=MACHINE) is None


NOT_SELECTED = "1 node(s) didn't match Pod's node affinity/selector"
NOT_HERE = {
    "cpu": (asking({"cpu": "2001m"}), "1 Insufficient cpu"),
    "cpu and memory": (asking({"cpu": 3, "memory": "2Gi"}), "1 Insufficient cpu, 1 Insufficient memory"),
    "disk": (asking({"ephemeral-storage": "99Ti"}), "1 Insufficient ephemeral-storage"),
    "together": (asking({"cpu": "1"}, {"cpu": "1500m"}), "1 Insufficient cpu"),
    "a limit is a request": (asking(limits={"memory": "2Gi"}), "1 Insufficient memory"),
    "an unknown device": (asking(limits={"acme.com/gpu": "1"}), "1 Insufficient acme.com/gpu"),
    "more devices": (asking(limits={"nvidia.com/gpu": "9"}), "1 Insufficient nvidia.com/gpu"),
    "a selector": (asking(nodeSelector={"disk": "ssd"}), NOT_SELECTED),
    "a selector comes before cpu": (asking({"cpu": "99"}, nodeSelector={"disk": "ssd"}), NOT_SELECTED),
    "an affinity": (asking(affinity=required("kubernetes.io/arch", "In", "s390x")), NOT_SELECTED),
    "an affinity to what is": (asking(affinity=required("kubernetes.io/os", "NotIn", "linux")), NOT_SELECTED),
    "a number": (asking(affinity=required("cores", "Gt", "4")), NOT_SELECTED),
    "an empty term": (asking(affinity=required("x", "Exists", field="matchNothing")), NOT_SELECTED),
}


@pytest.mark.parametrize(("pod", "why"), NOT_HERE.values(), ids=NOT_HERE.keys())
def test_a_pod_that_does_not_fit_is_refused_in_the_schedulers_words(pod: Object, why: str) -> None:
    assert f"0/1 nodes are available: {why}. {NO_PREEMPTION}" == why_not_here(pod, machine=MACHINE)


def test_a_missing_claim_comes_first() -> None:
    words = '0/1 nodes are available: persistentvolumeclaim "x" not found. not found'

    assert words == why_not_here(asking(nodeSelector={"a": "b"}), machine=MACHINE, missing_claim="x")


def test_a_cordoned_machine_takes_nothing_new() -> None:
    why = f"0/1 nodes are available: 1 node(s) were unschedulable. {NO_PREEMPTION}"

    assert why == why_not_here(asking({}), machine=MACHINE, is_cordoned=True)


def test_init_containers_count_one_at_a_time_and_sidecars_stay() -> None:
    def init(cpu: str, **more: str) -> Object:
        return {"name": "i", "resources": {"requests": {"cpu": cpu}}, **more}

    pod = asking({"cpu": "1"}, initContainers=[init("500m", restartPolicy="Always"), init("2"), init("1")])

    assert {"cpu": Fraction("2.5")} == requests_of(pod)


def test_this_machine_takes_an_ordinary_pod_and_knows_its_name(tmp_path: Path) -> None:
    requests = {"cpu": "10m", "memory": "1Mi", "ephemeral-storage": "1Mi"}
    pod = asking(requests, nodeSelector={"kubernetes.io/hostname": "me"})

    assert why_not_here(pod, machine=this_machine("me", disk=tmp_path)) is None


GOOD_IMAGES = (
    *("busybox", "busybox:1", "ghcr.io/acme/train:1", "localhost/a", "localhost:5000/a/b_c--d:T.1-x"),
    *("a@sha256:" + "0" * 64, "x:1@sha256:" + "0" * 64),
)
BAD_IMAGES = {
    "UPPER/Case:1": "invalid reference format: repository name (Case) must be lowercase",
    "Busybox:1": "invalid reference format: repository name (library/Busybox) must be lowercase",
    "localhost:5000/Ab:c": "invalid reference format: repository name (Ab) must be lowercase",
    "x/Y@sha256:1": "invalid reference format: repository name (x/Y@sha256) must be lowercase",
    "busybox:1:2": "invalid reference format",
    "http://x/y": "invalid reference format",
    "a b": "invalid reference format",
    "-x": "invalid reference format",
    "a//b": "invalid reference format",
    "a..b/c_d__e": "invalid reference format",
    "reg.io/a/b:": "invalid reference format",
    "reg.io:80a/x": "invalid reference format",
    "busybox@sha256:zz": "invalid reference format",
    "foo:" + "t" * 130: "invalid reference format",
    "a" * 260: "repository name must not be more than 255 characters",
    "f" * 64: f"invalid repository name ({'f' * 64}), cannot specify 64-byte hexadecimal strings",
}


@pytest.mark.parametrize("image", GOOD_IMAGES)
def test_an_image_name_that_can_be_read(image: str) -> None:
    assert problem_of_image(image) is None


@pytest.mark.parametrize(("image", "why"), BAD_IMAGES.items())
def test_an_image_name_that_cannot_be_read_is_told_in_the_kubelets_words(image: str, why: str) -> None:
    words = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}'

    assert words == problem_of_image(image)
