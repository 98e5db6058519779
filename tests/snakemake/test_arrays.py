"""Jobs as the indexes of an array: told one by one, taken up after a crash, never doubled and never dropped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dagset.cluster.protocol import Manifest
from dagset.errors import ClusterRefused
from dagset.model import DagNode, Identity
from dagset.testing.fake_cluster import FakeCluster
from snakemake_executor_plugin_jobset.adoption import LeftRunning, left_running, sorted_out, without
from snakemake_executor_plugin_jobset.arrays import ArrayThread
from snakemake_executor_plugin_jobset.collecting import Collector
from snakemake_executor_plugin_jobset.following import Followers, JobThread
from snakemake_executor_plugin_jobset.grouping import Rules
from snakemake_executor_plugin_jobset.jobs import Member

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
        own = {"batch.kubernetes.io/job-completion-index": str(index)}
        own["batch.kubernetes.io/job-index-failure-count"] = "0"
        state = {"running": {}} if code is None else {"terminated": {"exitCode": code, "reason": "Error"}}
        phase = "Running" if code is None else "Failed" if code else "Succeeded"
        return {
            "kind": "Pod",
            "metadata": {
                "name": f"part-{index}",
                "labels": template["labels"],
                "annotations": own,
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

    ArrayThread(dict(enumerate(jobs)), shared_by(cluster, tmp_path)).run()

    (job,) = cluster.jobs
    assert ["success", "retry", "fail"] == endings(jobs)
    assert (3, 0) == (job["spec"]["completions"], job["spec"]["backoffLimitPerIndex"])
    assert [None, "line of 1\n", "line of 2\n"] == [each.log and each.log.read_text() for each in jobs]
    name = f"Job default/{job['metadata']['name']}"
    assert jobs[1].ending.message.startswith(f"{name} app_error: worker[1] exited 3")
    assert [f"{name} index {index}" for index in range(3)] == [each.ref for each in jobs]
    assert 1 == len(cluster.list("Job", namespace="default", labels={}).items), "what failed stays"


def test_an_array_that_is_refused_ends_all_its_jobs_with_the_reason(tmp_path: Path):
    class Refusing(FakeCluster):
        def create(self, manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Manifest:
            raise ClusterRefused("exceeded quota: pods", status=403)

    jobs = members("a", "b")

    ArrayThread(dict(enumerate(jobs)), shared_by(Refusing(), tmp_path)).run()

    assert [("fail", "exceeded quota: pods")] * 2 == [(job.ending.verdict, job.ending.message) for job in jobs]


def test_told_to_stop_an_array_is_deleted_or_left_where_it_is(tmp_path: Path):
    for detach, left in ((False, 0), (True, 1)):
        cluster, jobs = Running({0: 0, 1: None}), members("a", "b")
        shared = replace(shared_by(cluster, tmp_path), detach=detach)
        shared.stop.set()

        ArrayThread(dict(enumerate(jobs)), shared).run()

        assert (left, [None, None]) == (
            len(cluster.list("Job", namespace="default", labels={}).items),
            endings(jobs),
        )


def test_jobs_that_run_already_are_found_where_they_are(tmp_path: Path):
    cluster = Running({0: 0, 1: 3, 2: None, 3: None})
    shared = replace(shared_by(cluster, tmp_path), detach=True)
    shared.stop.set()
    ArrayThread(dict(enumerate(members("a", "b", "c", "d"))), shared).run()
    JobThread(members("lone")[0], shared).run()
    asked = members("a", "b", "c", "d", "lone", "new")

    found = left_running(asked[0].identity, cluster=cluster)
    ((array, places),), lone, new = sorted_out(asked, found)

    assert ({2: "c", 3: "d"}, ["lone"], ["a", "b", "new"]) == (
        {index: member.task for index, member in places.items()},
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
