"""Jobs as the indexes of an array: told one by one, taken up after a crash, never doubled and never dropped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dagset import constants
from dagset.cluster.protocol import Manifest
from dagset.errors import ClusterRefused
from dagset.model import DagNode, Identity
from dagset.testing.fake_cluster import FakeCluster
from snakemake_executor_plugin_jobset.adoption import LeftRunning, left_running, sorted_out, without
from snakemake_executor_plugin_jobset.arrays import ArrayThread
from snakemake_executor_plugin_jobset.collecting import Collector
from snakemake_executor_plugin_jobset.ends import chunk_ending, read_ends
from snakemake_executor_plugin_jobset.following import Followers, JobThread
from snakemake_executor_plugin_jobset.grouping import Rules
from snakemake_executor_plugin_jobset.jobs import Ending, Member, Place
from snakemake_executor_plugin_jobset.table import Start

NODE = DagNode(name="part", image="smk:1", command=["true"])
IDENTITY = Identity(owner="test", dag="Snakefile")


def members(*tasks: str) -> list[Member]:
    return [Member(each, "part", f"make {each}", NODE, replace(IDENTITY, task=each)) for each in tasks]


class Running(FakeCluster):
    """A cluster whose pods end as told when their Job is made: exit codes by index, None runs on."""

    def __init__(self, codes: dict[int, int | None]) -> None:
        super().__init__()
        self.codes = codes
        self.jobs: list[Manifest] = []

    def create(self, manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Manifest:
        made = super().create(manifest, namespace=namespace, dry_run=dry_run)
        if made["kind"] == "Job":
            self.jobs.append(made)
            self.play(made)
        return made

    def play(self, job: Manifest) -> None:
        for index, code in self.codes.items():
            self.put(self.pod(job, index, code))
            self.say(f"part-{index}", f"2026-01-01T00:00:0{index}Z line of {index}")
        ended = {code is None: index for index, code in self.codes.items()}
        status: dict[str, Any] = {
            "completedIndexes": ",".join(str(index) for index, code in self.codes.items() if code == 0),
            "failedIndexes": ",".join(str(index) for index, code in self.codes.items() if code),
        }
        if True not in ended:
            failed = bool(status["failedIndexes"])
            why = {"type": "Failed" if failed else "Complete", "status": "True", "reason": "FailedIndexes" * failed}
            status["conditions"] = [why]
        self.put({**job, "status": status})

    def pod(self, job: Manifest, index: int, code: int | None) -> Manifest:
        template = job["spec"]["template"]["metadata"]
        which = {constants.COMPLETION_INDEX: str(index)}
        state = {"running": {}} if code is None else {"terminated": {"exitCode": code, "reason": "Error"}}
        phase = "Running" if code is None else "Failed" if code else "Succeeded"
        return {
            "kind": "Pod",
            "metadata": {
                "name": f"part-{index}",
                "labels": {**template["labels"], constants.JOB_NAME: job["metadata"]["name"], **which},
                "annotations": {**which, constants.INDEX_FAILURE_COUNT: "0"},
                "ownerReferences": [{"uid": job["metadata"]["uid"]}],
            },
            "spec": {"restartPolicy": "Never"},
            "status": {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]},
        }


def shared_by(cluster: FakeCluster, folder: Path) -> Followers:
    return Followers(cluster=cluster, logs=folder, tell=lambda _text: None)


def endings(jobs: list[Member]) -> list[str | None]:
    return [job.ending and job.ending.verdict for job in jobs]


def test_each_job_has_its_own_end_message_and_log(tmp_path: Path):
    cluster, jobs = Running({0: 0, 1: 3, 2: 139}), members("a", "b", "c")

    ArrayThread.of(jobs, shared_by(cluster, tmp_path)).run()

    (job,) = cluster.jobs
    assert ["success", "retry", "fail"] == endings(jobs)
    assert (3, 0) == (job["spec"]["completions"], job["spec"]["backoffLimitPerIndex"])
    assert [f"line of {index}\n" for index in range(3)] == [each.log and each.log.read_text() for each in jobs]
    name = f"Job default/{job['metadata']['name']}"
    assert jobs[1].ending.message.startswith(f"{name} app_error: worker[1] exited 3")
    assert [f"{name} index {index}" for index in range(3)] == [each.ref for each in jobs]
    assert 1 == len(cluster.list("Job", namespace="default", labels={}).items), "what failed stays"


def test_a_log_is_read_also_when_the_job_is_seen_to_have_ended_before_its_pod_is(tmp_path: Path):
    class Late(Running):
        """A cluster that tells of pods only who asks for one."""

        def list(self, kind: str, *, labels: Any, **words: Any) -> Any:
            found = super().list(kind, labels=labels, **words)
            return found if kind != "Pod" or constants.COMPLETION_INDEX in labels else replace(found, items=[])

        def watch(self, kind: str, **words: Any) -> Any:
            return super().watch("ConfigMap" if kind == "Pod" else kind, **words)

    (job,) = jobs = members("a")
    shared = shared_by(Late({0: 0}), tmp_path)

    ArrayThread.of(jobs, shared).run()

    assert ("success", "line of 0\n") == (job.ending and job.ending.verdict, job.log and job.log.read_text())


def test_what_the_pods_wrote_themselves_is_the_log_and_is_not_asked_for(tmp_path: Path):
    class Silent(Running):
        def logs(self, **_words: Any) -> Any:
            raise AssertionError("the pods have written their logs")

    jobs = members("a", "b")
    cluster = Silent({0: 0, 1: 3})
    shared = replace(shared_by(cluster, tmp_path), start=Start(logs=tmp_path))

    def play(job: Manifest) -> None:
        for index in (0, 1):
            (tmp_path / "part" / f"{job['metadata']['name']}-{index}.log").write_text(f"own line {index}\n")
        Running.play(cluster, job)

    cluster.play = play  # type: ignore[method-assign]
    ArrayThread.of(jobs, shared).run()

    assert ["success", "retry"] == endings(jobs)
    assert ["own line 0\n", "own line 1\n"] == [job.log and job.log.read_text() for job in jobs]


CUT_OFF = Ending("retry", "worker[0] was killed at its memory limit")
ENDS = """\
0 0 running
0 0 0
0 1 running
0 1 3
0 2 running
0 2 oom
0 3 running
0 3 deadline
0 4 running
0 4 139
0 5 running
"""


def test_of_jobs_that_share_a_pod_each_has_its_own_end(tmp_path: Path):
    (tmp_path / "ends").write_text(ENDS)
    (tmp_path / "log").write_text("line\n" * 30 + "no luck\n")
    (job,) = members("a")
    job.node, job.ref, job.log = DagNode(name="part", image="smk:1", deadline="5m"), "it", tmp_path / "log"

    told = [chunk_ending(CUT_OFF, job, read_ends(tmp_path / "ends"), among=among) for among in range(7)]

    assert ["success", "retry", "retry", "retry", "fail", "retry", "again"] == [each.verdict for each in told]
    lines = "\nIts last lines:" + "\n    line" * 19 + "\n    no luck"
    assert f"it app_error: it exited 3{lines}" == told[1].message
    assert "it oom_killed: a process of it was killed at the memory limit" in told[2].message
    assert "it deadline_exceeded: it took longer than 5m" in told[3].message
    assert "it failed_fast: it exited 139" in told[4].message
    assert CUT_OFF == told[5], "it ran when the pod ended"
    assert told[6].free, "its turn had not come, and that costs nothing, however often"


def test_jobs_that_share_a_pod_end_as_it_did_when_it_left_no_word(tmp_path: Path):
    (job,) = members("a")

    ends = read_ends(tmp_path / "none")

    assert [CUT_OFF] * 3 == [chunk_ending(CUT_OFF, job, ends, among=among) for among in range(3)]
    assert "success" == chunk_ending(Ending("success", ""), job, ends, among=0).verdict


def test_an_array_that_is_refused_ends_all_its_jobs_with_the_reason(tmp_path: Path):
    class Refusing(FakeCluster):
        def create(self, manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Manifest:
            raise ClusterRefused("exceeded quota: pods", status=403)

    jobs = members("a", "b")

    ArrayThread.of(jobs, shared_by(Refusing(), tmp_path)).run()

    assert [("fail", "exceeded quota: pods")] * 2 == [(job.ending.verdict, job.ending.message) for job in jobs]


def test_told_to_stop_an_array_is_deleted_or_left_where_it_is(tmp_path: Path):
    for detach, left in ((False, 0), (True, 1)):
        cluster, jobs = Running({0: 0, 1: None}), members("a", "b")
        shared = replace(shared_by(cluster, tmp_path), detach=detach)
        shared.stop.set()

        ArrayThread.of(jobs, shared).run()

        assert (left, [None, None]) == (
            len(cluster.list("Job", namespace="default", labels={}).items),
            endings(jobs),
        )


def test_jobs_that_run_already_are_found_where_they_are(tmp_path: Path):
    cluster = Running({0: 0, 1: 3, 2: None, 3: None})
    shared = replace(shared_by(cluster, tmp_path), detach=True)
    shared.stop.set()
    ArrayThread.of(members("a", "b", "c", "d"), shared).run()
    JobThread(members("lone")[0], shared).run()
    asked = members("a", "b", "c", "d", "lone", "new")

    found = left_running(asked[0].identity, cluster=cluster)
    ((array, places),), lone, new = sorted_out(asked, found)

    assert ({Place(2): "c", Place(3): "d"}, ["lone"], ["a", "b", "new"]) == (
        {place: member.task for place, member in places.items()},
        [member.task for member in lone],
        [member.task for member in new],
    )
    assert cluster.jobs[0]["metadata"]["uid"] == array.ref.uid
    assert [] == sorted_out(asked, without(found, asked))[0], "what is tried again is new"
    assert LeftRunning() == left_running(replace(IDENTITY, dag="other"), cluster=cluster)


def test_jobs_that_are_ready_together_become_one_array_and_each_ends(tmp_path: Path):
    cluster, jobs = Running({0: 0, 1: 0, 2: 0}), members("b", "a", "c")
    shared = shared_by(cluster, tmp_path)
    collector = Collector(shared, Rules(limit=10, window_s=0.0))
    collector.start()

    collector.add(jobs)
    while None in endings(jobs):
        assert shared.news.wait(20)
        shared.news.clear()
    collector.let_finish()
    collector.stop()

    assert (["success"] * 3, 1) == (endings(jobs), len(cluster.jobs))
    assert [] == cluster.list("Job", namespace="default", labels={}).items, "what went well is deleted"


def test_jobs_that_the_cluster_does_not_let_us_look_for_end_with_the_reason(tmp_path: Path):
    class Closed(FakeCluster):
        def list(self, *_args: Any, **_words: Any) -> Any:
            raise ClusterRefused("jobs is forbidden", status=403)

    jobs = members("a")
    shared = shared_by(Closed(), tmp_path)
    collector = Collector(shared, Rules())
    collector.start()

    collector.add(jobs)
    assert shared.news.wait(20)
    collector.stop()

    assert "jobs is forbidden" == jobs[0].ending.message
