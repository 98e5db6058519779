"""The loop outlives weather, cut streams, forgotten history and missing rights; nothing is lost or told twice."""

import itertools

import pytest

from dagset.cluster.listwatch import Pause, Selection, list_and_watch
from dagset.cluster.news import Changed, Listed, Trouble
from dagset.cluster.protocol import Event, Listing
from dagset.errors import ClusterRefused, ClusterUnreachable, Gone

RESET = ClusterUnreachable("reset")
BUSY = ClusterUnreachable("too many requests", retry_after_s=7.0)
EXPIRED = ClusterRefused("unauthorized", status=401, reason="Unauthorized")
FORBIDDEN = ClusterRefused("forbidden", status=403, reason="Forbidden")
GONE = Gone("too old", status=410, reason="Expired")


def pod(version):
    return {"metadata": {"name": "p", "resourceVersion": str(version)}}


def changed(version, verb="MODIFIED"):
    return Changed("Pod", verb, pod(version))


class Script:
    """A cluster that answers each list and watch by the next line of a script, and remembers what was asked."""

    def __init__(self, *answers):
        self._answers, self.asked = iter(answers), []

    def list(self, kind, *, namespace, labels):
        self.asked.append("list")
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return Listing([pod(answer)], str(answer))

    def watch(self, kind, *, namespace, labels, resource_version):
        self.asked.append(f"watch from {resource_version}")
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return self._stream(answer)

    def _stream(self, items):
        for item in items:
            if isinstance(item, Exception):
                raise item
            yield item


def news(script, count, *, clock=lambda: 0.0):
    loop = list_and_watch(Selection(script, "Pod", "ml", {}), clock=clock, jitter=lambda: 1.0)
    return list(itertools.islice(loop, count))


def ticking():
    return itertools.count(0.0, 10.0).__next__


def test_first_a_list_then_every_change():
    script = Script(1, [Event("ADDED", pod(2)), Event("DELETED", pod(3))])

    assert [Listed("Pod", (pod(1),)), changed(2, "ADDED"), changed(3, "DELETED")] == news(script, 3)
    assert ["list", "watch from 1"] == script.asked


def test_ended_watch_goes_on_where_it_was():
    script = Script(1, [Event("MODIFIED", pod(2))], [Event("MODIFIED", pod(3))])

    assert [Listed("Pod", (pod(1),)), changed(2), changed(3)] == news(script, 3)
    assert ["list", "watch from 1", "watch from 2"] == script.asked


def test_nothing_more_is_asked_for_whoever_has_closed():
    script, closed = Script(1, [Event("MODIFIED", pod(2))], [Event("MODIFIED", pod(3))]), iter([False, False, True])
    loop = list_and_watch(Selection(script, "Pod", "ml", {}), is_closed=closed.__next__)

    assert [Listed("Pod", (pod(1),)), changed(2)] == list(loop)
    assert ["list", "watch from 1"] == script.asked


def test_bookmark_moves_on_and_is_no_news():
    script = Script(1, [Event("BOOKMARK", pod(9))], [Event("MODIFIED", pod(10))])

    assert [Listed("Pod", (pod(1),)), changed(10)] == news(script, 2)
    assert ["list", "watch from 1", "watch from 9"] == script.asked


@pytest.mark.parametrize("answer", [GONE, [GONE]], ids=["as-an-answer", "in-the-stream"])
def test_forgotten_history_is_listed_again(answer):
    script = Script(1, answer, 5, [Event("MODIFIED", pod(6))])

    assert [Listed("Pod", (pod(1),)), Listed("Pod", (pod(5),)), changed(6)] == news(script, 3)
    assert ["list", "watch from 1", "list", "watch from 5"] == script.asked


def test_weather_is_told_and_outwaited_and_the_end_of_it_told():
    script = Script(RESET, RESET, 1, [])

    assert [
        Trouble("Pod", RESET, 10.0),
        Pause(0.5),
        Trouble("Pod", RESET, 20.0),
        Pause(1.0),
        Trouble("Pod", None, 30.0),
        Listed("Pod", (pod(1),)),
    ] == news(script, 6, clock=ticking())


def test_cut_stream_goes_on_from_the_last_change():
    script = Script(1, [Event("MODIFIED", pod(2)), RESET], [Event("MODIFIED", pod(3))])

    assert [
        Listed("Pod", (pod(1),)),
        changed(2),
        Trouble("Pod", RESET, 0.0),
        Pause(0.5),
        Trouble("Pod", None, 0.0),
        changed(3),
    ] == news(script, 6)
    assert ["list", "watch from 1", "watch from 2"] == script.asked


def test_forbidden_watch_is_told_once_and_becomes_a_list_every_few_seconds():
    script = Script(1, FORBIDDEN, 2, FORBIDDEN, 3)

    assert [
        Listed("Pod", (pod(1),)),
        Trouble("Pod", FORBIDDEN, 0.0, polls=True),
        Pause(5.0),
        Listed("Pod", (pod(2),)),
        Pause(5.0),
        Listed("Pod", (pod(3),)),
    ] == news(script, 6)


def test_forbidden_list_is_told_and_tried_again_less_and_less_often():
    script = Script(FORBIDDEN, FORBIDDEN, 1)

    assert [
        Trouble("Pod", FORBIDDEN, 0.0),
        Pause(0.5),
        Trouble("Pod", FORBIDDEN, 0.0),
        Pause(1.0),
        Trouble("Pod", None, 0.0),
        Listed("Pod", (pod(1),)),
    ] == news(script, 6)


def test_server_that_asks_for_time_gets_it():
    script = Script(1, BUSY, [Event("MODIFIED", pod(2))])

    assert [Listed("Pod", (pod(1),)), Trouble("Pod", BUSY, 0.0), Pause(7.0), Trouble("Pod", None, 0.0), changed(2)] == (
        news(script, 5)
    )


def test_expired_token_is_weather_and_the_watch_goes_on_where_it_was():
    script = Script(1, EXPIRED, [Event("MODIFIED", pod(2))])

    assert [
        Listed("Pod", (pod(1),)),
        Trouble("Pod", EXPIRED, 0.0),
        Pause(0.5),
        Trouble("Pod", None, 0.0),
        changed(2),
    ] == news(script, 5)
    assert ["list", "watch from 1", "watch from 1"] == script.asked


def test_answer_that_nobody_understands_is_told_and_listed_again():
    script = Script(1, [Event("ADDED", {})], 2)
    first, trouble, pause, well, second = news(script, 5)

    assert "Pods in ml cannot be read: KeyError: 'metadata'" == str(trouble.error)
    assert (Listed("Pod", (pod(1),)), Pause(0.5)) == (first, pause)
    assert (Trouble("Pod", None, 0.0), Listed("Pod", (pod(2),))) == (well, second)


def test_server_that_ends_watches_at_once_is_not_flooded():
    assert [Listed("Pod", (pod(1),)), Pause(0.5), Pause(1.0), Pause(2.0)] == news(Script(1, [], [], []), 4)


def test_streams_that_break_as_soon_as_they_are_open_are_not_a_fresh_start():
    script = Script(1, [RESET], [RESET], [Event("MODIFIED", pod(2)), RESET])

    assert [0.5, 1.0, 0.5] == [item.seconds for item in news(script, 10) if isinstance(item, Pause)]


def test_history_that_is_forgotten_again_and_again_is_listed_less_and_less_often():
    script = Script(1, GONE, 2, GONE, 3, GONE, 4)

    assert [Listed("Pod", (pod(1),)), Listed("Pod", (pod(2),)), Pause(1.0), Listed("Pod", (pod(3),)), Pause(2.0)] == (
        news(script, 5)
    )


class Always(Script):
    """A cluster that gives every list and every watch the same answer, an hour long."""

    def __init__(self, listed, watched):
        self._listed, self._watched, self.asked = listed, watched, []

    def list(self, kind, **words):
        self._answers = iter([self._listed])
        return super().list(kind, **words)

    def watch(self, kind, **words):
        self._answers = iter([self._watched])
        return super().watch(kind, **words)


@pytest.mark.parametrize(
    ("listed", "watched", "most"),
    [
        pytest.param(RESET, None, 250, id="server-is-down"),
        pytest.param(FORBIDDEN, None, 250, id="list-is-forbidden"),
        pytest.param(1, FORBIDDEN, 1440, id="watch-is-forbidden"),
        pytest.param(1, EXPIRED, 250, id="token-stays-expired"),
        pytest.param(1, [], 250, id="stream-ends-at-once"),
        pytest.param(1, [RESET], 250, id="stream-breaks-at-once"),
        pytest.param(1, GONE, 500, id="history-is-never-there"),
    ],
)
def test_an_hour_of_trouble_costs_at_most_so_many_requests(listed, watched, most):
    cluster, waited = Always(listed, watched), 0.0
    loop = list_and_watch(Selection(cluster, "Pod", "ml", {}), clock=lambda: waited, jitter=lambda: 0.0)
    while waited < 3600:
        item = next(loop)
        waited += item.seconds if isinstance(item, Pause) else 0.0

    assert len(cluster.asked) <= most


def test_quiet_watch_that_ended_after_its_time_is_resumed_at_once():
    script = Script(1, [], [Event("MODIFIED", pod(2))])

    assert [Listed("Pod", (pod(1),)), changed(2)] == news(script, 2, clock=ticking())
