"""Following a node: one list and one watch per kind, weather outlived, and a verdict that has its evidence."""

import json
import queue
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from dagset import constants
from dagset.cluster.hub import Changed, Hub, Listed, News, Subscription, Trouble
from dagset.errors import ClusterRefused, ClusterUnreachable
from dagset.model.identity import Identity, Ref
from dagset.observe import FirstFailed, Observation, Outcome, Phase, judge, phase_of
from dagset.run.follow import Stop, Stopped, follow, look
from dagset.run.logs import LogStream
from dagset.run.stopping import listening
from dagset.testing.fake_cluster import FakeCluster, FaultyCluster

LABELS = Identity(owner="me", task="train").labels()
TRUE = {"status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"}


def jobset(*, status: dict[str, Any] | None = None) -> dict[str, Any]:
    role = {"template": {"spec": {"completions": 2, "parallelism": 2}}, "name": "worker", "replicas": 1}
    spec = {"replicatedJobs": [role], "successPolicy": {"operator": "All"}}
    return {"kind": "JobSet", "metadata": {"name": "train", "labels": LABELS}, "spec": spec, "status": status or {}}


def pod(index: int, *, exit_code: int | None = None) -> dict[str, Any]:
    labels = {**LABELS, "dagset.io/role": "worker", "batch.kubernetes.io/job-completion-index": str(index)}
    ended = {"exitCode": exit_code, "finishedAt": "2026-01-01T00:00:09Z", "message": "ValueError: bad\n"}
    state = {"running": {}} if exit_code is None else {"terminated": ended}
    phase = "Running" if exit_code is None else "Failed" if exit_code else "Succeeded"
    status = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
    meta = {"name": f"train-worker-0-{index}-abcde", "labels": labels}
    return {"kind": "Pod", "metadata": meta, "spec": {"restartPolicy": "Never", "nodeName": "host-7"}, "status": status}


def failed() -> dict[str, Any]:
    why = {"type": "Failed", "reason": "ReachedMaxRestarts", "message": "jobset failed", **TRUE}
    return {"conditions": [why], "terminalState": "Failed"}


def completed() -> dict[str, Any]:
    why = {"type": "Completed", "reason": "AllJobsCompleted", "message": "jobset completed", **TRUE}
    return {"conditions": [why], "terminalState": "Completed"}


def limited(**limits: int) -> dict[str, Any]:
    """Return a JobSet that compile has given these limits."""
    node = jobset()
    node["metadata"]["annotations"] = {constants.LIMITS: json.dumps(limits)}
    return node


def unable(index: int, reason: str, message: str) -> dict[str, Any]:
    waiting = {"reason": reason, "message": message}
    status = {"phase": "Pending", "containerStatuses": [{"name": "main", "state": {"waiting": waiting}}]}
    return {**pod(index), "status": status}


def submitted(cluster: FakeCluster, **words: Any) -> Ref:
    stored = cluster.put(jobset(**words))
    return Ref(kind="JobSet", namespace="default", name="train", uid=stored["metadata"]["uid"])


class Follower:
    """A `follow` in a thread, and what it told."""

    def __init__(self, ref: Ref, **words: Any) -> None:
        self.phases: list[tuple[str, str]] = []
        self.outcome: Outcome | None = None
        self._told = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(ref,), kwargs=words)
        self._thread.start()

    def _run(self, ref: Ref, **words: Any) -> None:
        self.outcome = follow(ref, on_change=self._tell, **words)

    def _tell(self, _seen: Observation, phase: Phase) -> None:
        with self._told:
            self.phases.append((phase.name, phase.detail))
            self._told.notify_all()

    def wait_for(self, phase: str, detail: str) -> None:
        with self._told:
            assert self._told.wait_for(lambda: (phase, detail) in self.phases, timeout=20), self.phases

    def end(self) -> Outcome:
        self._thread.join(timeout=20)
        assert self.outcome is not None
        return self.outcome


def test_tells_each_visible_change_and_the_end() -> None:
    cluster = FakeCluster()
    follower = Follower(submitted(cluster), cluster=cluster)

    follower.wait_for("starting", "0/2 pods running")
    cluster.put(pod(0))
    follower.wait_for("running", "1/2 pods running")
    cluster.put(pod(1))
    follower.wait_for("running", "2/2 pods running")
    cluster.put(jobset(status=completed()))

    assert "succeeded" == follower.end().reason
    assert ["starting", "running", "running", "succeeded"] == [name for name, _ in follower.phases]


def test_a_node_that_ended_before_is_judged_with_its_evidence() -> None:
    cluster = FakeCluster(live=False)
    ref = submitted(cluster, status=failed())
    cluster.put(pod(1, exit_code=3))

    outcome = follow(ref, cluster=cluster)

    assert ("app_error", 3, "worker[1] exited 3 on host-7: ValueError: bad") == (
        outcome.reason,
        outcome.exit_code,
        outcome.message,
    )


class Told:
    """A hub that tells what the test wants, in its order."""

    def __init__(self, *news: News) -> None:
        self._news = list(news)

    def subscribe(
        self, kind: str, *, namespace: str, labels: Mapping[str, str], into: "queue.SimpleQueue[News] | None" = None
    ) -> Subscription:
        assert into is not None
        while self._news:
            into.put(self._news.pop(0))
        return Subscription(into, close=lambda: None)


def hub(*news: News) -> Hub:
    return Told(*news)  # type: ignore[return-value]


def test_the_end_may_overtake_the_pod_that_caused_it() -> None:
    cluster = FakeCluster()
    ref = submitted(cluster)
    cluster.put(pod(1, exit_code=3))
    ended = cluster.put(jobset(status=failed()))

    outcome = follow(ref, cluster=cluster, hub=hub(Changed("JobSet", "MODIFIED", ended)))

    assert ("app_error", 3) == (outcome.reason, outcome.exit_code)


def test_the_end_may_overtake_the_deletion_that_caused_it() -> None:
    """The pod is gone before anybody has told of it; what the watch tells late is what there is."""
    cluster = FakeCluster()
    ref = submitted(cluster)
    taken = pod(1, exit_code=143)
    taken["metadata"] |= {"uid": "p", "deletionTimestamp": "2026-01-01T00:00:05Z", "deletionGracePeriodSeconds": 1}
    ended = cluster.put(jobset(status=failed()))

    outcome = follow(
        ref, cluster=cluster, hub=hub(Changed("JobSet", "MODIFIED", ended), Changed("Pod", "DELETED", taken))
    )

    assert ("disrupted", 143) == (outcome.reason, outcome.first_failed and outcome.first_failed.exit_code)


def test_a_verdict_does_not_wait_for_a_cluster_that_went_away() -> None:
    cluster = FakeCluster()
    ref = submitted(cluster)
    ended = cluster.put(jobset(status=failed()))
    refusing = FaultyCluster(cluster, plan={})

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise ClusterRefused("pods is forbidden", status=403)

    refusing.list = refuse  # type: ignore[attr-defined]
    outcome = follow(ref, cluster=refusing, hub=hub(Changed("JobSet", "MODIFIED", ended)))  # type: ignore[arg-type]

    assert ("app_error", None) == (outcome.reason, outcome.first_failed)


def test_of_a_node_that_is_not_there_nobody_knows_the_end() -> None:
    outcome = follow(Ref(kind="JobSet", namespace="ml", name="train", uid="uid-9"), cluster=FakeCluster())

    assert ("expired", "train", "ml", "uid-9") == (outcome.reason, outcome.name, outcome.namespace, outcome.uid)


def test_another_object_of_that_name_is_not_our_node() -> None:
    cluster = FakeCluster()
    ref = submitted(cluster)
    cluster.remove("JobSet", name="train")
    submitted(cluster, status=completed())

    outcome = follow(ref, cluster=cluster)

    assert ("expired", ref.uid) == (outcome.reason, outcome.uid)


def test_a_node_that_is_replaced_while_it_is_followed_has_vanished() -> None:
    cluster = FakeCluster()
    follower = Follower(submitted(cluster), cluster=cluster)
    follower.wait_for("starting", "0/2 pods running")

    cluster.remove("JobSet", name="train")
    submitted(cluster, status=completed())

    assert "vanished" == follower.end().reason


def test_lost_answers_and_lost_history_do_not_end_a_node() -> None:
    cluster = FakeCluster()
    ref = submitted(cluster)
    faulty = FaultyCluster(cluster, plan={0: "before", 2: "after", 3: "before", 5: "before"})
    follower = Follower(ref, cluster=faulty)
    follower.wait_for("starting", "0/2 pods running")

    cluster.forget_history()
    cluster.put(pod(0))
    follower.wait_for("running", "1/2 pods running")
    cluster.put(jobset(status=completed()))

    assert "succeeded" == follower.end().reason


def test_long_trouble_is_told_once_and_so_is_its_end() -> None:
    cluster, told = FakeCluster(), []
    ref = submitted(cluster)
    lost = ClusterUnreachable("connection refused")
    news = [Trouble(kind, lost, since) for since in (0.0, 5.0, 12.0, 30.0) for kind in ("Job", "Pod")]
    well = [Trouble("Job", None, 31.0), Trouble("Pod", None, 31.0)]
    ended = Changed("JobSet", "MODIFIED", cluster.put(jobset(status=completed())))

    follow(ref, cluster=cluster, hub=hub(*news, *well, ended), on_trouble=told.append)

    assert [
        "Jobs cannot be seen for 12 s, still trying: connection refused",
        "the cluster answers again, after 31 s",
    ] == told


def test_missing_rights_are_told_at_once() -> None:
    cluster, told = FakeCluster(), []
    ref = submitted(cluster)
    ended = Changed("JobSet", "MODIFIED", cluster.put(jobset(status=completed())))
    refused = Trouble("Pod", ClusterRefused("pods is forbidden", status=403), 0.0)

    follow(ref, cluster=cluster, hub=hub(refused, ended), on_trouble=told.append)

    assert ["Pods cannot be seen for 0 s, still trying: pods is forbidden"] == told


def test_a_watch_that_is_not_allowed_is_told_and_nothing_more() -> None:
    cluster, told = FakeCluster(), []
    ref = submitted(cluster)
    ended = Changed("JobSet", "MODIFIED", cluster.put(jobset(status=completed())))
    polls = Trouble("Pod", ClusterRefused("pods is forbidden", status=403), 0.0, polls=True)

    follow(ref, cluster=cluster, hub=hub(polls, ended), on_trouble=told.append)

    assert ["Pods may not be watched, so they are listed every 5 s: pods is forbidden"] == told


def test_stops_when_told_to() -> None:
    cluster, stop = FakeCluster(), Stop()
    ref = submitted(cluster)

    with pytest.raises(Stopped):
        follow(ref, cluster=cluster, stop=stop, on_change=lambda _seen, _phase: stop.set())


def test_word_to_stop_wakes_who_waits_for_news() -> None:
    stop = Stop()
    with listening(stop) as incoming:
        threading.Thread(target=stop.set).start()
        with pytest.raises(Stopped):
            incoming.wait(None)


def test_stops_before_the_cluster_has_ever_answered() -> None:
    cluster, stop = FakeCluster(), Stop()
    ref = submitted(cluster)
    stop.set()

    with pytest.raises(Stopped):
        follow(ref, cluster=FaultyCluster(cluster, plan=dict.fromkeys(range(100), "before")), stop=stop)


def test_one_list_and_one_watch_per_kind_are_enough() -> None:
    cluster = FakeCluster()
    counting = FaultyCluster(cluster, plan={})
    follower = Follower(submitted(cluster), cluster=counting)
    for index in range(2):
        cluster.put(pod(index))
        follower.wait_for("running", f"{index + 1}/2 pods running")
    asked = list(counting.requests)
    cluster.put(jobset(status=completed()))
    follower.end()

    kinds = ("Job", "JobSet", "Pod")
    enough = ["get JobSet", *(f"list {kind}" for kind in kinds), *(f"watch {kind}" for kind in kinds)]
    assert Counter(asked) <= Counter(enough)


def test_feeds_the_lines_of_pods_of_the_watch_and_of_the_last_look() -> None:
    cluster = FakeCluster()
    ref = submitted(cluster)
    lines: list[tuple[str, str]] = []
    logs = LogStream(cluster, ref=ref, sink=lambda prefix, line: lines.append((prefix, line)))
    early, late = cluster.put(pod(0, exit_code=0)), cluster.put(pod(1, exit_code=3))
    for each in (early, late):
        cluster.say(each["metadata"]["name"], "2026-01-01T00:00:01Z hello")
    ended = Changed("JobSet", "MODIFIED", cluster.put(jobset(status=failed())))

    follow(ref, cluster=cluster, hub=hub(Listed("Pod", (early,)), ended), logs=logs)

    assert {} == logs.finish()
    assert [("worker[0]", "hello"), ("worker[1]", "hello")] == sorted(lines)


def test_a_look_sees_what_is_there_now() -> None:
    cluster = FakeCluster(live=False)
    ref = submitted(cluster)
    cluster.put(pod(0))

    seen = look(ref, cluster=cluster)

    assert (None, "running", "1/2 pods running") == (judge(seen), phase_of(seen).name, phase_of(seen).detail)


def put(cluster: FakeCluster, node: dict[str, Any]) -> Ref:
    return Ref(kind="JobSet", namespace="default", name="train", uid=cluster.put(node)["metadata"]["uid"])


def test_pods_that_cannot_start_end_the_node_and_its_outcome_has_their_words() -> None:
    cluster, told = FakeCluster(), []
    ref = put(cluster, limited(start_timeout_s=900))
    cluster.put(pod(0))
    cluster.put(unable(1, "ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: not found'))
    cluster.time += 900

    outcome = follow(ref, cluster=cluster, on_trouble=told.append)

    message = "worker[1] could not start within 15m on host-7: ErrImagePull: not found"
    assert ("failed", "image_pull", message, 117) == (
        outcome.phase,
        outcome.reason,
        outcome.message,
        outcome.exit_code,
    )
    assert outcome.first_failed == FirstFailed(
        role="worker",
        index=1,
        pod="train-worker-0-1-abcde",
        exit_code=None,
        signal=None,
        reason="ErrImagePull",
        host="host-7",
        last_lines=("not found",),
    )
    assert outcome.gone
    assert [f"ending {ref}: image_pull: {message}"] == told


def test_a_follower_that_only_looks_on_leaves_the_limits_to_others() -> None:
    cluster, stop = FakeCluster(), Stop()
    ref = put(cluster, limited(start_timeout_s=1))
    cluster.time += 100

    with pytest.raises(Stopped):
        follow(ref, cluster=cluster, hold=False, stop=stop, on_change=lambda _seen, _phase: stop.set())

    assert ref.uid == cluster.get("JobSet", namespace="default", name="train")["metadata"]["uid"]


def test_a_stale_picture_ends_no_node() -> None:
    """The watch shows a pod that waits; by now it runs, as a look before the end tells."""
    cluster, stop = FakeCluster(), Stop()
    ref = put(cluster, limited(start_timeout_s=900))
    stale = cluster.put(unable(0, "ErrImagePull", "not found"))
    cluster.put(pod(0))
    cluster.time += 901
    owner = cluster.get("JobSet", namespace="default", name="train")
    news = (Listed("JobSet", (owner,)), Listed("Job", ()), Listed("Pod", (stale,)))

    with pytest.raises(Stopped):
        follow(ref, cluster=cluster, hub=hub(*news), stop=stop, on_change=lambda _seen, _phase: stop.set())

    assert ref.uid == cluster.get("JobSet", namespace="default", name="train")["metadata"]["uid"]


def test_every_follower_tells_the_end_that_one_of_them_wrote() -> None:
    cluster = FakeCluster(linger=True)
    ref = put(cluster, limited(deadline_s=60))
    looker = Follower(ref, cluster=cluster, hold=False)
    looker.wait_for("starting", "0/2 pods running")
    node = cluster.get("JobSet", namespace="default", name="train")
    started = {"startTime": "2026-01-01T00:00:00Z", "active": 2}
    labels = {**LABELS, "jobset.sigs.k8s.io/restart-attempt": "0"}
    cluster.put(
        {"kind": "Job", "metadata": {"name": "train-worker-0", "labels": labels}, "spec": {}, "status": started}
    )
    cluster.time += 61
    holder = Follower(ref, cluster=cluster)
    words = "deadline_exceeded: the deadline of 1m passed with 0 of 2 pods succeeded; being deleted, 0 pods left"
    for follower in (holder, looker):
        follower.wait_for("failed", words)

    cluster.remove("JobSet", name="train")

    assert node["metadata"]["uid"] == ref.uid
    assert holder.end() == looker.end()
    assert ("deadline_exceeded", 121) == (holder.end().reason, holder.end().exit_code)


def test_who_may_not_delete_says_so() -> None:
    class Forbidding(FakeCluster):
        def delete(self, *_args: Any, **_words: Any) -> None:
            raise ClusterRefused("jobsets is forbidden", status=403)

    cluster = Forbidding()
    ref = put(cluster, limited(max_disruptions=0, start_timeout_s=1))
    cluster.time += 10

    with pytest.raises(ClusterRefused, match="jobsets is forbidden"):
        follow(ref, cluster=cluster)


def test_events_are_asked_for_only_of_what_waits_without_a_word() -> None:
    cluster = FakeCluster()
    counting = FaultyCluster(cluster, plan={})
    ref = put(cluster, jobset())
    why = 'job "train-worker-0" creation failed with error: invalid'
    event = {"reason": "JobCreationFailed", "message": why, "lastTimestamp": "2026-01-01T00:00:02Z"}
    cluster.put({"kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"uid": ref.uid}, **event})
    follower = Follower(ref, cluster=counting)
    follower.wait_for("starting", "0/2 pods running")
    assert "list Event" not in counting.requests

    cluster.time += 11
    cluster.put(pod(0))
    cluster.remove("Pod", name="train-worker-0-0-abcde")
    follower.wait_for("starting", f"0/2 pods running, {why}")
    cluster.put(jobset(status=completed()))
    follower.end()

    assert 1 == Counter(counting.requests)["list Event"]


def test_the_queue_says_why_a_node_waits_and_a_cluster_without_kueue_is_no_trouble() -> None:
    def queued() -> dict[str, Any]:
        node = jobset()
        node["metadata"]["labels"] = {**LABELS, constants.KUEUE_QUEUE: "gpu"}
        return {**node, "spec": {**node["spec"], "suspend": True}}

    kinds = {kind: version for kind, version in constants.API_VERSIONS.items() if kind != "Workload"}
    for cluster in (FakeCluster(), FakeCluster(kinds=kinds)):
        told: list[str] = []
        ref = put(cluster, queued())
        follower = Follower(ref, cluster=cluster, on_trouble=told.append)
        follower.wait_for("queued", "in queue gpu")
        if "Workload" in cluster._kinds:
            condition = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": "100m more needed"}
            labels = {constants.KUEUE_OWNER_UID: ref.uid}
            status = {"conditions": [condition]}
            cluster.put({"kind": "Workload", "metadata": {"name": "w", "labels": labels}, "status": status})
            follower.wait_for("queued", "in queue gpu: Pending: 100m more needed")
        cluster.put(jobset(status=completed()))
        assert ("succeeded", []) == (follower.end().reason, told)
