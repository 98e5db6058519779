"""A recording is small, is read back whole, and is the same for two runs of the same story."""

import json
from pathlib import Path

from dagset.observe import Change
from tests.recordings.tape import changes_of, told_by, written


def run(*, uid: str, pod: str, day: int) -> list[Change]:
    """One pod of a Job that starts and goes, in a run with names and times of its own."""
    at = f"2026-11-{day:02}T10:00:"
    job = {"metadata": {"name": "j-1", "uid": uid, "creationTimestamp": f"{at}00Z", "resourceVersion": uid}}
    head = {"name": f"j-1-0-{pod}", "uid": f"of-{pod}", "creationTimestamp": f"{at}01Z", "labels": {"app": "x"}}
    waiting = {"status": {"phase": "Pending", "podIP": pod, "message": None}}
    running = {"status": {"phase": "Running", "startTime": f"{at}02.123456Z", "message": f"j-1-0-{pod} runs"}}
    return [
        Change("Job", "ADDED", job),
        Change("Pod", "ADDED", {"metadata": head, **waiting}),
        Change("Pod", "MODIFIED", {"metadata": head, **waiting, "spec": {"schedulerName": pod}}),
        Change("Pod", "MODIFIED", {"metadata": head, **running}),
        Change("Pod", "DELETED", {"metadata": head, **running}),
    ]


def test_two_runs_of_the_same_story_are_written_alike():
    assert written(run(uid="1f0c", pod="abcde", day=22)) == written(run(uid="77aa", pod="zyxwv", day=29))


def test_a_later_change_holds_what_is_another_and_is_read_back_whole(tmp_path: Path):
    path = tmp_path / "j.jsonl"
    path.write_text(written(run(uid="1f0c", pod="abcde", day=22)))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    running = {
        "phase": "Running",
        "startTime": "2026-01-01T00:00:02.000000Z",
        "message": "j-1-0-pod0 runs",
        "conditions": [],
    }

    assert ["Job ADDED", "Pod ADDED", "Pod MODIFIED", "Pod DELETED"] == [f"{e['kind']} {e['verb']}" for e in lines]
    assert {"status": {key: running[key] for key in ("phase", "startTime", "message")}} == lines[2]["change"]
    assert running == changes_of(path)[-1].object["status"]
    assert "2026-01-01T00:00:01Z" == changes_of(path)[-1].object["metadata"]["creationTimestamp"]


def test_of_events_only_warnings_about_the_node_are_kept():
    def event(name: str, kind: str) -> Change:
        return Change("Event", "ADDED", {"type": kind, "involvedObject": {"name": name}})

    kept = [
        told_by(each, owner="j-1")
        for each in (event("j-1-0-x", "Warning"), event("j-1", "Normal"), event("k", "Warning"))
    ]

    assert [True, False, False] == kept
