"""Lines come once and in order per pod, whatever the connections do; and what could not be read is named."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dagset.errors import ClusterRefused, ClusterUnreachable
from dagset.model.identity import Ref
from dagset.run.lines import Seen, has_ended, has_started, prefix_of
from dagset.run.logs import LogStream
from dagset.testing.fake_cluster import FakeCluster

REF = Ref(kind="JobSet", namespace="default", name="train", uid="uid-owner")
NEVER_S = 0.0
GONE = "unable to retrieve container logs for containerd://1"


def at(second: float) -> str:
    return f"2026-01-01T00:00:{second:012.9f}Z"


def pod(name: str, *, role: str = "worker", index: int = 0, state: str = "running", **more: str) -> dict[str, Any]:
    labels = {"dagset.io/role": role, "batch.kubernetes.io/job-completion-index": str(index)}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "annotations": {}, **more},
        "status": {
            "phase": {"running": "Running", "waiting": "Pending", "terminated": "Failed"}[state],
            "containerStatuses": [{"name": "main", "state": {state: {}}}],
        },
    }


class TestPrefix:
    def test_names_role_and_index(self) -> None:
        assert prefix_of(pod("p", index=3)) == "worker[3]"

    def test_names_the_attempt_of_a_restarted_gang(self) -> None:
        again = pod("p", index=3)
        again["metadata"]["labels"]["jobset.sigs.k8s.io/restart-attempt"] = "2"

        assert prefix_of(again) == "worker[3]#2"

    def test_names_the_attempt_of_an_index_of_an_array(self) -> None:
        again = pod("p", index=3)
        again["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] = "1"

        assert prefix_of(again) == "worker[3]#1"

    def test_falls_back_to_the_name_of_a_foreign_pod(self) -> None:
        assert prefix_of({"metadata": {"name": "other"}}) == "other"


@pytest.mark.parametrize(
    ("state", "started", "ended"), [("waiting", False, False), ("running", True, False), ("terminated", True, True)]
)
def test_a_pod_can_be_read_from_its_start_and_is_complete_after_its_end(state: str, started: bool, ended: bool) -> None:
    found = pod("p", state=state)

    assert (started, ended or has_ended(found)) == (has_started(found), ended)


class TestSeen:
    def test_hands_out_each_line_of_a_repeated_second_once(self) -> None:
        seen = Seen()

        first = list(seen.fresh([f"{at(1.1)} a", f"{at(2.1)} b", f"{at(2.2)} c"]))
        since = seen.since()
        second = list(seen.fresh([f"{at(2.1)} b", f"{at(2.2)} c", f"{at(2.3)} d"]))

        assert (["a", "b", "c"], at(2), ["d"]) == (first, since, second)

    def test_counts_equal_timestamps(self) -> None:
        seen = Seen()

        first = list(seen.fresh([f"{at(1)} a", f"{at(1)} a"]))
        second = list(seen.fresh([f"{at(1)} a", f"{at(1)} a", f"{at(1)} a", f"{at(1)} b"]))

        assert (["a", "a"], ["a", "b"]) == (first, second)

    def test_keeps_lines_that_are_out_of_order(self) -> None:
        seen = Seen()
        lines = [f"{at(2.2)} err", f"{at(2.1)} out"]

        assert ["err", "out"] == list(seen.fresh(lines))
        assert ["more"] == list(seen.fresh([*lines, f"{at(2.15)} more"]))

    def test_survives_any_number_of_lines_in_one_second(self) -> None:
        seen, lines = Seen(), [f"{at(3 + n / 10_000)} {n}" for n in range(5000)]

        assert [str(n) for n in range(3000)] == list(seen.fresh(lines[:3000]))
        assert [str(n) for n in range(3000, 5000)] == list(seen.fresh(lines))

    def test_knows_trimmed_fractions_and_other_time_zones(self) -> None:
        seen = Seen()
        list(seen.fresh(["2026-01-01T00:00:01.1Z a", "2026-01-01T02:00:01.12+02:00 b"]))

        assert ["c"] == list(seen.fresh(["2026-01-01T00:00:01.120Z b", "2026-01-01T00:00:01.2Z c"]))
        assert at(1) == seen.since()

    def test_keeps_empty_lines_and_leading_blanks(self) -> None:
        assert ["", "  x"] == list(Seen().fresh([f"{at(1)} ", f"{at(2)}   x"]))

    def test_keeps_words_of_the_server_apart(self) -> None:
        seen = Seen()

        assert ["a"] == list(seen.fresh([f"{at(1)} a", GONE]))
        assert GONE == seen.notice
        assert [] == list(seen.fresh([]))
        assert "" == seen.notice


class Screen:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.said = threading.Condition()

    def __call__(self, prefix: str, line: str) -> None:
        with self.said:
            self.lines.setdefault(prefix, []).append(line)
            self.said.notify_all()

    def wait_for(self, count: int) -> None:
        with self.said:
            assert self.said.wait_for(lambda: sum(map(len, self.lines.values())) >= count, timeout=20)


def test_follows_all_pods_live_and_to_their_end() -> None:
    cluster, screen = FakeCluster(), Screen()
    logs = LogStream(cluster, ref=REF, sink=screen)
    for index in range(3):
        logs.feed(cluster.put(pod(f"w{index}", index=index)))
        cluster.say(f"w{index}", f"{at(1)} hello")
    screen.wait_for(3)
    for index in range(3):
        cluster.say(f"w{index}", f"{at(2)} bye")
        logs.feed(cluster.put(pod(f"w{index}", index=index, state="terminated")))

    assert {} == logs.finish()
    assert {f"worker[{index}]": ["hello", "bye"] for index in range(3)} == screen.lines


def test_reads_a_pod_that_ended_before_it_was_seen() -> None:
    cluster, screen = FakeCluster(), Screen()
    ended = cluster.put(pod("w0", state="terminated"))
    cluster.say("w0", f"{at(1)} a", f"{at(1)} b")
    logs = LogStream(cluster, ref=REF, sink=screen)

    logs.feed(ended)
    logs.feed(ended)

    assert {} == logs.finish()
    assert {"worker[0]": ["a", "b"]} == screen.lines


def test_more_pods_than_places_are_all_read() -> None:
    cluster, screen = FakeCluster(), Screen()
    logs = LogStream(cluster, ref=REF, sink=screen, at_once=4)
    pods = [cluster.put(pod(f"w{n}", index=n)) for n in range(50)]
    for n, running in enumerate(pods):
        cluster.say(f"w{n}", f"{at(1)} {n}")
        logs.feed(running)

    assert {} == logs.finish(patience_s=NEVER_S)
    assert {f"worker[{n}]": [str(n)] for n in range(50)} == screen.lines


def test_a_failed_pod_is_read_while_running_ones_hold_their_places() -> None:
    cluster, screen = FakeCluster(), Screen()
    logs = LogStream(cluster, ref=REF, sink=screen, at_once=2)
    for n in range(5):
        logs.feed(cluster.put(pod(f"w{n}", index=n)))
    cluster.say("w4", f"{at(1)} I broke")

    logs.feed(cluster.put(pod("w4", index=4, state="terminated")))
    screen.wait_for(1)

    assert {"worker[4]": ["I broke"]} == screen.lines
    logs.finish(patience_s=NEVER_S)


@pytest.mark.parametrize(("message", "started"), [("", False), (". The container used to be Running", True)])
def test_a_pod_that_was_deleted_before_its_container_was_made_has_no_lines(message: str, started: bool) -> None:
    """What the kubelet says of one that waited for its image when the node was ended (tried on 1.36.3)."""
    told = f"The container could not be located when the pod was terminated{message}"
    one = pod("p", state="terminated")
    one["status"]["containerStatuses"][0]["state"]["terminated"] = {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": told,
        "startedAt": None,
    }

    assert started == has_started(one)


def test_says_whose_lines_were_gone() -> None:
    cluster = FakeCluster()
    logs = LogStream(cluster, ref=REF, sink=Screen())
    gone = {**pod("w0", state="terminated")}
    gone["metadata"]["uid"] = "uid-gone"

    logs.feed(gone)

    assert {"worker[0]": "its pod was deleted before they were read to the end"} == logs.finish()


def test_a_bug_in_the_sink_comes_out_of_finish() -> None:
    cluster = FakeCluster()
    cluster.say("w0", f"{at(1)} a")

    def sink(prefix: str, line: str) -> None:
        raise ZeroDivisionError(line)

    logs = LogStream(cluster, ref=REF, sink=sink)
    logs.feed(cluster.put(pod("w0", state="terminated")))

    with pytest.raises(ZeroDivisionError):
        logs.finish()


class Scripted:
    """A cluster whose log connections are told in advance: lists of lines and, at the end, an error or None."""

    describe, namespace = "scripted", "default"

    def __init__(self, *connections: tuple[list[str], Exception | None]) -> None:
        self.asked: list[tuple[bool, str | None]] = []
        self._connections = itertools.chain(connections, itertools.repeat(([], None)))

    def logs(self, *, namespace: str, pod: str, follow: bool, since_time: str | None = None) -> "_Connection":
        self.asked.append((follow, since_time))
        lines, error = next(self._connections)
        return _Connection(lines, error)


class _Connection:
    def __init__(self, lines: list[str], error: Exception | None) -> None:
        self._lines, self._error = iter(lines), error

    def __iter__(self) -> Iterator[str]:
        yield from self._lines
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        pass


def test_resumes_after_a_reset_without_loss_or_doubling() -> None:
    a, b, c = f"{at(1.1)} a", f"{at(2.1)} b", f"{at(2.2)} c"
    cluster = Scripted(([a, b], ClusterUnreachable("reset")), ([b], ClusterUnreachable("reset")), ([b, c], None))
    screen = Screen()
    logs = LogStream(cluster, ref=REF, sink=screen, pauses_s=[0.0])  # type: ignore[arg-type]
    ended = pod("w0", state="terminated", uid="uid-1")

    logs.feed(ended)

    assert {} == logs.finish()
    assert {"worker[0]": ["a", "b", "c"]} == screen.lines
    assert [(False, None), (False, at(2)), (False, at(2))] == cluster.asked


def test_a_container_that_is_not_ready_to_be_read_is_asked_again_when_there_is_news() -> None:
    refused = ClusterRefused('container "main" is waiting to start', status=400, reason="BadRequest")
    cluster, screen = Scripted(([], refused), ([f"{at(1)} a"], None)), Screen()
    logs = LogStream(cluster, ref=REF, sink=screen)  # type: ignore[arg-type]

    logs.feed(pod("w0", uid="uid-1"))
    logs.feed(pod("w0", uid="uid-1", state="terminated"))

    assert {} == logs.finish()
    assert {"worker[0]": ["a"]} == screen.lines


def test_a_container_that_the_kubelet_has_removed_is_no_loss_when_it_was_read() -> None:
    cluster, screen = Scripted(([f"{at(1)} a"], None), ([GONE], None)), Screen()
    logs = LogStream(cluster, ref=REF, sink=screen, pauses_s=[20.0])  # type: ignore[arg-type]

    logs.feed(pod("w0", uid="uid-1"))
    screen.wait_for(1)
    logs.feed(pod("w0", uid="uid-1", state="terminated"))

    assert {} == logs.finish()
    assert {"worker[0]": ["a"]} == screen.lines


def test_a_container_that_the_kubelet_has_removed_is_a_loss_when_it_was_not_read() -> None:
    cluster, screen = Scripted(([f"{at(1)} a"], ClusterUnreachable("reset")), ([GONE], None)), Screen()
    logs = LogStream(cluster, ref=REF, sink=screen, pauses_s=[0.0])  # type: ignore[arg-type]

    logs.feed(pod("w0", uid="uid-1", state="terminated"))

    assert {"worker[0]": GONE} == logs.finish()
    assert {"worker[0]": ["a"]} == screen.lines


def test_missing_rights_are_told_once_per_pod_and_not_asked_again() -> None:
    cluster = Scripted(([], ClusterRefused("pods is forbidden", status=403, reason="Forbidden")))
    logs = LogStream(cluster, ref=REF, sink=Screen())  # type: ignore[arg-type]

    logs.feed(pod("w0", uid="uid-1"))

    assert {"worker[0]": "pods is forbidden"} == logs.finish()
    assert [(True, None)] == cluster.asked
