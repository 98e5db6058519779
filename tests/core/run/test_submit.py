"""Submit is create-or-attach: whatever is lost on the way, there is one owner with its parts."""

import pytest

from dagset import constants
from dagset.compile import Bundle
from dagset.errors import ClusterRefused, ClusterUnreachable, Conflict, InvalidNode, NotOurs
from dagset.model import DagNode, File, Identity
from dagset.run.existing import Attach, Conflicting, CreateNew, Supersede, TakeEnd, WaitForDeletion, choose
from dagset.run.steps import Steps
from dagset.run.submit import submit, submit_compiled
from dagset.testing.fake_cluster import FakeCluster, FaultyCluster

ME = Identity(owner="me@host:node.yaml", task="train")
JOBS_ONLY = {kind: version for kind, version in constants.API_VERSIONS.items() if kind != "JobSet"}


def bundle(*, kind="Job", spec_hash="aaaa", parts=1, identity=ME, group=False):
    """Return the manifests of a generation, small ones."""

    def compiled(generation):
        metadata = {"name": f"train-{generation}", "labels": identity.with_generation(generation).labels()}
        owner = {"apiVersion": constants.API_VERSIONS[kind], "kind": kind, "spec": {}}
        owner["metadata"] = {**metadata, "annotations": {constants.SPEC_HASH: spec_hash}}
        names = [metadata["name"] if n == 0 else f"{metadata['name']}-{n}" for n in range(parts)]
        shipped = [{"kind": "ConfigMap", "metadata": {**metadata, "name": name}, "data": {}} for name in names]
        group_of_pods = {"apiVersion": constants.API_VERSIONS[constants.NATIVE], "kind": "PodGroup"}
        shipped += [{**group_of_pods, "metadata": metadata, "spec": {}}] if group else []
        return Bundle(owner=owner, parts=tuple(shipped), spec_hash=spec_hash)

    return compiled


class World:
    """Time that passes only when somebody sleeps, and what happens meanwhile."""

    def __init__(self, cluster, *, meanwhile=lambda seconds: None):
        self.cluster, self.now, self.told, self._meanwhile = cluster, 0.0, [], meanwhile

    def sleep(self, seconds):
        self.now += seconds
        self._meanwhile(self.now)

    def submit(self, compiled=None, *, on_conflict="refuse", identity=ME, since=None, before=lambda: None, **words):
        words = {"cluster": self.cluster, "namespace": "default", "tell": self.told.append, **words}
        steps = Steps(identity=identity, sleep=self.sleep, clock=lambda: self.now, **words)
        return submit_compiled(compiled or bundle(), steps, on_conflict=on_conflict, since=since, before=before)


def ended(manifest, condition="Complete"):
    return {**manifest, "status": {"conditions": [{"type": condition, "status": "True"}]}}


def everything(cluster):
    """Return (kind, name, name of the owner by uid) of all there is."""
    found = [
        item
        for kind in ("Job", "JobSet", "ConfigMap", constants.NATIVE)
        for item in cluster.list(kind, namespace="default", labels={}).items
    ]
    names = {item["metadata"]["uid"]: item["metadata"]["name"] for item in found}
    owners = [[names.get(o["uid"]) for o in item["metadata"].get("ownerReferences", [])] for item in found]
    return [(item["kind"], item["metadata"]["name"], owner) for item, owner in zip(found, owners, strict=True)]


ONE_NODE = [("Job", "train-1", []), ("ConfigMap", "train-1", ["train-1"]), ("ConfigMap", "train-1-1", ["train-1"])]


def owner(generation=1, *, spec_hash="aaaa", kind="Job", **metadata):
    manifest = bundle(kind=kind, spec_hash=spec_hash)(generation).owner
    return {**manifest, "metadata": {**manifest["metadata"], **metadata}}


DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
CHILD = {"ownerReferences": [{"kind": "JobSet", "uid": "u"}]}


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param([], CreateNew(1), id="nothing-there"),
        pytest.param([owner()], Attach(owner()), id="running-same-spec"),
        pytest.param([owner(spec_hash="bbbb")], Conflicting(owner(spec_hash="bbbb")), id="running-other-spec"),
        pytest.param([ended(owner(3)), ended(owner(2), "Failed")], CreateNew(4), id="finished"),
        pytest.param([ended(owner(1, kind="JobSet"), "Completed")], CreateNew(2), id="finished-jobset"),
        pytest.param([owner(2), ended(owner(1))], Attach(owner(2)), id="running-after-finished"),
        pytest.param([owner(1, **DELETED)], WaitForDeletion(owner(1, **DELETED)), id="leaving"),
        pytest.param([owner(1, **DELETED), owner(2)], Attach(owner(2)), id="running-beside-leaving"),
        pytest.param([ended(owner(2, **DELETED))], WaitForDeletion(ended(owner(2, **DELETED))), id="ended-leaving"),
        pytest.param([owner(1, **CHILD)], CreateNew(1), id="child-of-a-jobset-is-no-owner"),
        pytest.param([{**owner(), "status": None}], Attach({**owner(), "status": None}), id="no-status-yet"),
    ],
)
def test_choice(existing, expected):
    assert expected == choose(existing, identity=ME, spec_hash="aaaa")


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        pytest.param([], CreateNew(5), id="nothing-there"),
        pytest.param([owner(2)], Supersede(owner(2)), id="older-runs"),
        pytest.param([owner(4), owner(2)], Supersede(owner(2)), id="older-runs-beside-one-that-counts"),
        pytest.param([owner(2, **DELETED)], WaitForDeletion(owner(2, **DELETED)), id="older-is-leaving"),
        pytest.param([ended(owner(2))], CreateNew(5), id="older-has-ended"),
        pytest.param([owner(3)], Attach(owner(3)), id="one-that-counts-runs"),
        pytest.param([ended(owner(4))], TakeEnd(ended(owner(4))), id="one-that-counts-has-ended"),
        pytest.param([ended(owner(3)), ended(owner(4))], TakeEnd(ended(owner(4))), id="newest-end-counts"),
        pytest.param([ended(owner(4, **DELETED))], WaitForDeletion(ended(owner(4, **DELETED))), id="ended-leaving"),
        pytest.param([ended(owner(4, spec_hash="bbbb"))], CreateNew(5), id="ended-with-another-spec"),
        pytest.param([ended(owner(5))], CreateNew(6), id="own-generation-has-ended"),
    ],
)
def test_choice_of_a_try_that_counts_from_the_third_generation(existing, expected):
    assert expected == choose(existing, identity=ME.with_generation(5), spec_hash="aaaa", since=3)


@pytest.mark.parametrize(
    ("spec_hash", "expected"), [("aaaa", TakeEnd(ended(owner(5)))), ("bbbb", CreateNew(6))], ids=["same", "other"]
)
def test_own_end_is_taken_by_who_may_begin_twice(spec_hash, expected):
    me = ME.with_generation(5)

    assert expected == choose([ended(owner(5))], identity=me, spec_hash=spec_hash, since=5, own_end=True)


def test_choice_starts_at_the_identitys_generation():
    assert CreateNew(7) == choose([], identity=ME.with_generation(7), spec_hash="aaaa")


def test_first_submit_creates_owner_then_parts_in_six_requests():
    faulty = FaultyCluster(FakeCluster(), plan={})
    submitted = World(faulty).submit(bundle(parts=1))

    looks = ["list Job", "list JobSet", "document /version", "list Pod"]
    assert [*looks, "create Job", "create ConfigMap"] == faulty.requests
    assert (False, 1, "Job default/train-1") == (submitted.attached, submitted.generation, str(submitted.ref))


def test_part_is_owned_by_the_owner():
    cluster = FakeCluster()
    ref = World(cluster).submit().ref
    part = cluster.get("ConfigMap", namespace="default", name="train-1")

    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "train-1", "uid": ref.uid}
    assert [{**reference, "controller": True}] == part["metadata"]["ownerReferences"]


def test_second_submit_attaches_to_the_first():
    world = World(FakeCluster())
    first, second = world.submit(), world.submit()

    assert (first.ref, True, 1) == (second.ref, second.attached, second.generation)


def test_what_comes_before_a_node_is_done_once_and_not_for_one_that_runs():
    world, seen = World(FakeCluster()), []
    for _ in range(2):
        world.submit(before=lambda: seen.append(everything(world.cluster)))

    assert [[]] == seen


def test_what_comes_before_and_fails_leaves_nothing():
    def before():
        raise InvalidNode("no")

    cluster = FakeCluster()
    with pytest.raises(InvalidNode):
        World(cluster).submit(before=before)

    assert [] == everything(cluster)


def test_attaching_completes_missing_parts():
    cluster = FakeCluster()
    World(cluster).submit(bundle(parts=0))
    World(cluster).submit(bundle(parts=2))

    assert ONE_NODE == everything(cluster)


def test_finished_node_gets_the_next_generation():
    cluster = FakeCluster()
    world = World(cluster)
    cluster.put(ended(world.submit().owner))

    assert ("train-2", False, 2) == ((second := world.submit()).ref.name, second.attached, second.generation)


def test_what_counts_no_more_is_cancelled_before_the_next_generation_is_created():
    cluster = FakeCluster()
    world = World(cluster)
    world.submit()
    second = world.submit(identity=ME.with_generation(2), since=2)

    assert ("Job default/train-2", False, False) == (str(second.ref), second.attached, second.ended)
    assert ["Job default/train-1 is of an earlier run that counts no more: cancelling it"] == world.told
    assert ["train-2"] == [name for kind, name, _ in everything(cluster) if kind == "Job"]


def test_end_that_nobody_may_have_seen_is_handed_to_the_next_try():
    cluster = FakeCluster()
    world = World(cluster)
    cluster.put(ended((first := world.submit()).owner))
    second = world.submit(identity=ME.with_generation(2), since=1)

    assert (first.ref, True, True) == (second.ref, second.attached, second.ended)


def test_other_spec_is_refused_and_says_what_to_do():
    world = World(FakeCluster())
    world.submit()

    with pytest.raises(Conflict) as caught:
        world.submit(bundle(spec_hash="bbbb"))
    assert (
        "Job default/train-1 is this node, still running with another spec: "
        "see where it stands with `dagset status train-1`; wait for its end, or `dagset cancel train-1`, and run again"
    ) == str(caught.value)


def test_engine_attaches_to_another_spec_with_a_warning():
    world = World(FakeCluster())
    first = world.submit()
    second = world.submit(bundle(spec_hash="bbbb", parts=2), on_conflict="attach")

    assert (first.ref, True) == (second.ref, second.attached)
    assert ["the new spec is not used"] == [text.rpartition(", ")[2] for text in world.told]


def test_somebody_elses_object_of_that_name_is_not_touched():
    cluster = FakeCluster()
    cluster.put({"kind": "Job", "metadata": {"name": "train-1"}})

    with pytest.raises(NotOurs, match="Job default/train-1 exists and was not made by dagset"):
        World(cluster).submit()
    assert [("Job", "train-1", [])] == everything(cluster)


def test_somebody_elses_part_undoes_the_owner():
    cluster = FakeCluster()
    cluster.put({"kind": "ConfigMap", "metadata": {"name": "train-1", "labels": {constants.IDENTITY: "other"}}})

    with pytest.raises(NotOurs, match="belongs to another node"):
        World(cluster).submit()
    assert [("ConfigMap", "train-1", [])] == everything(cluster)


def test_refused_part_leaves_nothing_behind():
    cluster = FakeCluster(kinds={k: v for k, v in constants.API_VERSIONS.items() if k != "ConfigMap"})

    with pytest.raises(ClusterRefused, match="could not find"):
        World(cluster).submit()
    assert [] == cluster.list("Job", namespace="default", labels={}).items


@pytest.mark.parametrize("version", ["v1.32.9", "v1.9.0", "v0.99.0"])
def test_cluster_that_is_too_old_is_refused_before_anything_is_created(version):
    cluster = FakeCluster(version=version)

    with pytest.raises(ClusterRefused) as caught:
        World(cluster).submit()
    assert (
        f"fake cluster is Kubernetes {version}, and dagset needs 1.33 or newer: "
        "have it upgraded, or name another cluster by --cluster"
    ) == str(caught.value)
    assert [] == everything(cluster)


@pytest.mark.parametrize("told", [{"major": "1", "minor": "33+"}, {"major": "", "minor": "x"}, {}, None])
def test_cluster_that_is_new_enough_or_does_not_say_is_taken(told):
    cluster = FakeCluster()
    cluster.documents = {} if told is None else {"/version": told}

    assert not World(cluster).submit().attached


def test_version_is_asked_once_per_cluster():
    faulty = FaultyCluster(FakeCluster(), plan={})
    World(faulty).cluster.put(ended(World(faulty).submit().owner))
    World(faulty).submit()

    assert 1 == faulty.requests.count("document /version")


def test_array_needs_no_jobset():
    assert not World(FakeCluster(kinds=JOBS_ONLY)).submit().attached


def test_gang_without_jobset_is_told_what_to_install():
    with pytest.raises(ClusterRefused, match=r"does not know JobSet.*have JobSet 0\.10 or newer installed"):
        World(FakeCluster(kinds=JOBS_ONLY)).submit(bundle(kind="JobSet"))


def test_deleted_node_is_waited_for():
    cluster = FakeCluster(linger=True)
    ref = World(cluster).submit(bundle(parts=0)).ref
    cluster.delete("Job", namespace="default", name=ref.name, uid=ref.uid)
    world = World(cluster, meanwhile=lambda now: now == 3 and cluster.remove("Job", name=ref.name))
    second = world.submit(bundle(parts=0))

    assert (3.0, False, True) == (world.now, second.attached, second.ref.uid != ref.uid)
    assert ["Job default/train-1 is being deleted: waiting until it is gone"] == world.told


def test_node_that_does_not_go_away_is_a_conflict():
    cluster = FakeCluster(linger=True)
    ref = World(cluster).submit().ref
    cluster.delete("Job", namespace="default", name=ref.name, uid=ref.uid)

    with pytest.raises(Conflict, match="still being deleted after 300 s"):
        World(cluster).submit()


def pod(name, *, phase="Running", grace_s=10):
    labels = ME.labels()
    spec = {"terminationGracePeriodSeconds": grace_s}
    return {"kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"phase": phase}}


def test_pods_of_an_earlier_submission_are_waited_for():
    cluster = FakeCluster()
    cluster.put(pod("a"))
    cluster.put(pod("b", phase="Failed"))
    world = World(cluster, meanwhile=lambda now: now == 5 and cluster.put(pod("a", phase="Succeeded")))
    world.submit()

    assert (5.0, ["waiting for 1 pods of an earlier submission to end (a)"]) == (world.now, world.told)


def test_pods_that_never_go_are_told_of_after_their_grace_and_thirty_seconds():
    cluster = FakeCluster()
    cluster.put(pod("a", grace_s=10))
    world = World(cluster)
    world.submit()

    assert (41.0, "1 pods of an earlier submission are still there (a): starting beside them") == (
        world.now,
        world.told[-1],
    )


REQUESTS = range(7)  # of a first submit with two parts


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("number", REQUESTS)
def test_any_lost_request_is_repeated_and_doubles_nothing(number, fate):
    faulty = FaultyCluster(FakeCluster(), plan={number: fate})
    submitted = World(faulty).submit(bundle(parts=2))

    assert ONE_NODE == everything(faulty)
    assert not submitted.attached


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("number", REQUESTS)
def test_crash_at_any_request_and_a_run_again_gives_one_node(number, fate):
    cluster = FakeCluster()
    with pytest.raises(ClusterUnreachable):
        World(FaultyCluster(cluster, plan={number: fate})).submit(bundle(parts=2), limit_s=0)
    World(cluster).submit(bundle(parts=2))

    assert ONE_NODE == everything(cluster)


def test_seven_requests_are_all_that_a_submit_with_two_parts_makes():
    faulty = FaultyCluster(FakeCluster(), plan={})
    World(faulty).submit(bundle(parts=2))

    assert len(REQUESTS) == len(faulty.requests)


@pytest.mark.parametrize("fate", ["before", "after"])
def test_every_request_lost_once_still_gives_one_node(fate):
    cluster = FakeCluster()
    World(FaultyCluster(cluster, plan=dict.fromkeys(range(0, 100, 2), fate))).submit(bundle(parts=2))

    assert ONE_NODE == everything(cluster)


class Raced(FakeCluster):
    """Another submitter comes between our look and our first create."""

    quicker = None

    def create(self, manifest, *, namespace):
        quicker, self.quicker = self.quicker, None
        if quicker is not None:
            World(self).submit(quicker)
        return super().create(manifest, namespace=namespace)


def test_quicker_submitter_is_attached_to():
    cluster = Raced()
    cluster.quicker = bundle(parts=2)
    submitted = World(cluster).submit(bundle(parts=2))

    assert submitted.attached
    assert ONE_NODE == everything(cluster)


def test_quicker_submitter_with_another_spec_is_a_conflict():
    cluster = Raced()
    cluster.quicker = bundle(spec_hash="bbbb")

    with pytest.raises(Conflict):
        World(cluster).submit()


def test_real_node_goes_the_same_way():
    cluster = FakeCluster()
    files = {"a.txt": File(text="x")}
    node = DagNode(name="train", image="busybox:1", command=("true",), files=files)
    first = submit(node, ME, cluster=cluster, namespace="ml")
    second = submit(node, ME, cluster=cluster, namespace="ml")

    assert (first.ref, False, True) == (second.ref, first.attached, second.attached)
    assert [first.ref.name] == [
        item["metadata"]["ownerReferences"][0]["name"]
        for item in cluster.list("ConfigMap", namespace="ml", labels={constants.IDENTITY: ME.key}).items
    ]


GROUPED = [("Job", "train-1", []), ("PodGroup", "train-1", ["train-1"])]


def test_group_of_pods_is_there_before_the_owner_and_its_own_afterwards():
    faulty = FaultyCluster(FakeCluster(), plan={})
    World(faulty).submit(bundle(parts=0, group=True))

    made = [request for request in faulty.requests if request.split()[0] in ("create", "patch")]
    assert [f"create {constants.NATIVE}", "create Job", f"patch {constants.NATIVE}"] == made
    assert GROUPED == everything(faulty)


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("number", range(7))
def test_crash_at_any_request_leaves_no_group_without_its_owner(number, fate):
    cluster = FakeCluster()
    with pytest.raises(ClusterUnreachable):
        World(FaultyCluster(cluster, plan={number: fate})).submit(bundle(parts=0, group=True), limit_s=0)
    World(cluster).submit(bundle(parts=0, group=True))

    assert GROUPED == everything(cluster)


def test_group_of_an_earlier_owner_is_waited_for():
    cluster = FakeCluster()
    leftover = bundle(parts=0, group=True)(1).parts[0]
    leftover = {**leftover, "metadata": {**leftover["metadata"], "ownerReferences": [{"uid": "gone"}]}}
    cluster.put(leftover)

    def collect(_seconds):
        if cluster.list("Job", namespace="default", labels={}).items == []:
            cluster.remove(constants.NATIVE, namespace="default", name="train-1")

    World(cluster, meanwhile=collect).submit(bundle(parts=0, group=True))

    assert GROUPED == everything(cluster)


def test_refused_owner_takes_its_group_along():
    cluster = FakeCluster()
    cluster.put({"kind": "Job", "metadata": {"name": "train-1", "labels": {}}})

    with pytest.raises(NotOurs):
        World(cluster).submit(bundle(parts=0, group=True))

    assert [("Job", "train-1", [])] == everything(cluster)


def test_scheduler_that_is_not_there_is_named():
    kinds = {kind: version for kind, version in constants.API_VERSIONS.items() if kind != constants.NATIVE}

    with pytest.raises(ClusterRefused, match=r"does not know PodGroup \(scheduling.k8s.io/v1alpha2\)"):
        World(FakeCluster(kinds=kinds)).submit(bundle(parts=0, group=True))


def test_a_secret_gets_its_token_once_and_another_node_another():
    cluster = FakeCluster()
    node = DagNode(name="solve", image="i", pods=2, command=["mpirun"], rendezvous="mpi")

    def token_of(identity):
        name = submit(node, identity, cluster=cluster, namespace="default").ref.name
        secret = cluster.get("Secret", namespace="default", name=name)
        assert ["mpi.py", "token"] == sorted(secret["stringData"])
        return secret["stringData"]["token"]

    first, again, other = token_of(ME), token_of(ME), token_of(Identity(owner="you"))

    assert (64, first) == (len(first), again)
    assert first != other
