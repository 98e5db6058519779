"""What goes where, how fast, and in which words."""

import io
import sys
import threading
from dataclasses import replace
from typing import Any

import pytest

from dagset.cli.progress import Progress, restart_line, summary
from dagset.cli.screen import Screen
from dagset.observe import Change, FirstFailed, Observation, Outcome, observe, phase_of
from dagset.observe.ending import Ending

FIRST = FirstFailed(
    role="worker", index=2, pod="p", exit_code=3, signal=None, reason="Error", host="host-7", last_lines=("a", "b")
)


def outcome(**words: Any) -> Outcome:
    known = {"name": "train", "namespace": "ml", "kind": "Job", "uid": "u", "message": "m", "hint": "", "exit_code": 0}
    return Outcome(**{**known, **words})


def tell(progress: Progress, seen: Observation) -> None:
    progress.tell(seen, phase_of(seen))


def test_pod_lines_go_to_stdout_and_the_rest_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False, clock=iter([0.0, 1.25]).__next__)

    screen.progress("running 4/4")
    screen.pod_line("worker[3]", "hello")

    assert ("worker[3] hello\n", "[  1.2s] running 4/4\n") == capsys.readouterr()


def test_with_json_stdout_holds_the_result_alone(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)

    screen.pod_line("worker[3]", "hello")
    screen.result("{}")

    assert ("{}\n", "worker[3] hello\n") == capsys.readouterr()


def test_quiet_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False, quiet=True)

    screen.progress("running 4/4")
    screen.say("succeeded")

    assert ("", "succeeded\n") == capsys.readouterr()


def test_a_reader_who_went_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.TextIOBase):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    screen = Screen(as_json=False)

    screen.pod_line("worker[3]", "hello")
    screen.result("{}")

    assert screen.stdout_closed


def test_a_full_disk_is_told_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.TextIOBase):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    screen = Screen(as_json=False)

    screen.pod_line("worker[3]", "hello")
    screen.pod_line("worker[3]", "bye")

    told = "cannot write to stdout: No space left on device; nothing more is written there\n"
    assert told == capsys.readouterr().err


def job(*, suspended: bool = False) -> Observation:
    metadata = {"name": "train", "namespace": "ml", "uid": "u"}
    spec = {"completions": 1, "parallelism": 1, "suspend": suspended}
    owner = {"kind": "Job", "metadata": metadata, "spec": spec}
    return observe(Observation.empty("Job"), Change(kind="Job", verb="ADDED", object=owner))


def with_pod(seen: Observation, phase: str) -> Observation:
    labels = {"dagset.io/role": "worker"}
    pod = {"metadata": {"name": "p", "uid": "p", "labels": labels}, "status": {"phase": phase}}
    return observe(seen, Change(kind="Pod", verb="MODIFIED", object=pod))


def test_a_new_phase_is_shown_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Screen(as_json=False, clock=lambda: 0.0), clock=lambda: 0.0)

    tell(progress, job(suspended=True))
    tell(progress, job())
    tell(progress, with_pod(job(), "Running"))

    shown = [line[len("[  0.0s] ") :] for line in capsys.readouterr().err.splitlines()]
    assert [
        "queued: suspended until somebody resumes it",
        "starting: 0/1 pod running",
        "running: 1/1 pod running",
    ] == shown


def test_why_a_node_is_ended_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """By who ends it, and with the Outcome; in between only what is still there counts."""
    progress = Progress(Screen(as_json=False, clock=lambda: 0.0), clock=lambda: 0.0)
    seen = with_pod(job(), "Pending")

    tell(progress, replace(seen, ending=Ending("unschedulable", "worker[0] could not start within 15m")))

    assert "[  0.0s] failed: being deleted, 1 pod left\n" == capsys.readouterr().err


def test_counts_within_a_second_are_shown_once_and_never_lost() -> None:
    said: list[str] = []
    done = threading.Event()

    class Recorder(Screen):
        def progress(self, text: str) -> None:
            said.append(text)
            if len(said) == 2:
                done.set()

    progress = Progress(Recorder(as_json=False))
    tell(progress, job())
    tell(progress, with_pod(job(), "Pending"))
    tell(progress, job())
    tell(progress, with_pod(job(), "Pending"))

    assert done.wait(timeout=20)
    assert ["starting: 0/1 pod running", "starting: 0/1 pod running, worker[0] waits: Pending"] == said


def test_counts_come_more_seldom_the_longer_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    progress = Progress(Screen(as_json=False, clock=lambda: now), clock=lambda: now)

    for second in range(400):
        now = float(second)
        tell(progress, with_pod(job(), "Pending") if second % 2 else job())
        progress.stop()

    assert 20 < len(capsys.readouterr().err.splitlines()) < 60


def gang(restarts: int, *failed: dict[str, Any], counted: int = 0) -> Observation:
    spec = {"replicatedJobs": [], "failurePolicy": {"maxRestarts": 2}}
    status = {"restarts": restarts, "restartsCountTowardsMax": counted}
    owner = {"kind": "JobSet", "metadata": {"name": "t", "uid": "u"}, "spec": spec, "status": status}
    seen = observe(Observation.empty("JobSet"), Change(kind="JobSet", verb="ADDED", object=owner))
    for pod in failed:
        seen = observe(seen, Change(kind="Pod", verb="MODIFIED", object=pod))
    return seen


def failed_pod(exit_code: int, *, attempt: int, **status: Any) -> dict[str, Any]:
    labels = {"dagset.io/role": "worker", "jobset.sigs.k8s.io/restart-attempt": str(attempt)}
    state = {"terminated": {"exitCode": exit_code, "finishedAt": "2026-01-01T00:00:09Z"}}
    status = {"phase": "Failed", "containerStatuses": [{"name": "main", "state": state}], **status}
    return {"metadata": {"name": "p", "uid": f"p{attempt}", "labels": labels}, "spec": {}, "status": status}


def test_a_restart_names_its_number_and_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Screen(as_json=False, clock=lambda: 0.0), clock=lambda: 0.0)

    tell(progress, gang(0))
    tell(progress, gang(1, failed_pod(3, attempt=0), counted=1))

    assert "[  0.0s] restarting 1 of 2: worker[0] exited 3" == capsys.readouterr().err.splitlines()[-1]


def test_restarts_before_we_came_are_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Screen(as_json=False, clock=lambda: 0.0), clock=lambda: 0.0)

    tell(progress, gang(1, failed_pod(3, attempt=0), counted=1))

    assert "restarting" not in capsys.readouterr().err


def test_a_disruption_is_a_restart_that_does_not_count() -> None:
    evicted = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": "2026-01-01T00:00:08Z"}

    seen = gang(1, failed_pod(143, attempt=0, conditions=[evicted]))

    assert "restarting, not counted: disrupted (worker[0] exited 143)" == restart_line(seen)


@pytest.mark.parametrize(
    ("ended", "elapsed_s", "expected"),
    [
        (
            outcome(phase="succeeded", reason="succeeded", pods=4),
            4.2,
            "succeeded in 4.2 s: 4 pods, 0 restarts",
        ),
        (
            outcome(phase="succeeded", reason="succeeded", pods=1, restarts=1, disruptions=1),
            3725,
            "succeeded in 1 h 2 min: 1 pod, 1 restart, 1 of them disruptions",
        ),
        (
            outcome(phase="failed", reason="app_error", hint="Read.", first_failed=FIRST),
            61,
            "FAILED app_error after 1 min 1 s: m\nlast lines of worker[2]:\n  | a\n  | b\nhint: Read.",
        ),
        (outcome(phase="vanished", reason="vanished", hint="Ask."), None, "vanished: m\nhint: Ask."),
    ],
    ids=["succeeded", "restarted", "failed", "vanished"],
)
def test_a_summary_says_how_it_ended(ended: Outcome, elapsed_s: float | None, expected: str) -> None:
    assert expected == summary(ended, elapsed_s=elapsed_s, with_lines=True)


def test_last_lines_are_left_out_when_they_were_on_the_screen() -> None:
    ended = outcome(phase="failed", reason="app_error", first_failed=FIRST)

    assert "FAILED app_error: m" == summary(ended, elapsed_s=None, with_lines=False)
