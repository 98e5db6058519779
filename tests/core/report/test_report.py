"""The page says what was seen, is bounded, and runs nothing that a pod or a person wrote into a text."""

from functools import reduce
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dagset.observe import Change, Observation, judge, observe
from dagset.report import Material, Tail, View, as_html, view_of
from dagset.report.chart import MOST_LANES, chart_of, spell_s
from dagset.report.tracks import Track, track_of
from dagset.report.view import RoleRow
from tests.core.observe.building import array, at, child, condition, fold, jobset, pod
from tests.recordings.tape import changes_of

HERE = Path(__file__).parent
RECORDINGS = Path(__file__).parents[2] / "recordings" / "k8s-1.36-jobset-0.12"
MIDNIGHT = 1767225600.0
EVIL = "</pre><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}&amp;"
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "section", "footer", "div", "span", "h1", "h2", "p"),
    *("dl", "dt", "dd", "table", "tr", "th", "td", "details", "summary", "pre", "code", "svg", "rect", "line", "text"),
}


def material_of(changes: list[Change], *, upto: int | None = None) -> Material:
    """Return what `dagset report --follow` would have gathered, up to one of the changes."""
    kind = "JobSet" if any(change.kind == "JobSet" for change in changes) else "Job"
    told = changes[:upto]
    pods: dict[str, Track] = {}
    for change in told:
        if change.kind == "Pod":
            gone_at = MIDNIGHT + 60 if change.verb == "DELETED" else None
            uid = change.object["metadata"]["uid"]
            if uid not in pods or pods[uid].end not in ("succeeded", "failed"):
                pods[uid] = track_of(change.object, gone_at=gone_at)
    seen = reduce(observe, told, Observation(kind=kind))
    tails = [Tail(track.title, ["first", "last"]) for track in list(pods.values())[:3]]
    return Material(seen, list(pods.values()), MIDNIGHT + 60, tails)


def recorded(name: str, *, upto: int | None = None) -> Material:
    return material_of(changes_of(RECORDINGS / f"{name}.jsonl"), upto=upto)


class Page(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def test_page_of_a_gang_that_failed_after_its_restarts_is_as_committed(golden) -> None:
    golden(HERE / "gang-restarts-spent.html", as_html(view_of(recorded("gang-restarts-spent"))))


def test_recorded_nodes_have_a_page_at_their_end_and_half_way() -> None:
    for path in sorted(RECORDINGS.glob("*.jsonl"))[::4]:
        changes = changes_of(path)
        whole, half = (material_of(changes, upto=upto) for upto in (None, len(changes) // 2))
        outcome = judge(whole.seen)
        page = Page(as_html(view_of(whole)))

        assert outcome is not None
        assert outcome.message.removeprefix("array: ") in page.text, path.stem
        assert page.tags <= TAGS
        assert as_html(view_of(half))


def test_nothing_that_the_world_wrote_is_markup() -> None:
    failed = pod(code=3, says=EVIL, why=EVIL, second=20)
    failed["spec"]["nodeName"] = EVIL
    waits = pod(index=1)
    waits["status"] = {
        "phase": "Pending",
        "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": EVIL, "message": EVIL}}}],
    }
    owner = jobset(condition("Failed", EVIL, EVIL))
    owner["metadata"] |= {"name": EVIL, "annotations": {EVIL: EVIL}}
    seen = fold("JobSet", owner, child("worker"), failed, waits)
    page = Page(
        as_html(view_of(Material(seen, [track_of(failed), track_of(waits)], MIDNIGHT, [Tail(EVIL, [EVIL], EVIL)])))
    )

    assert page.tags <= TAGS
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "href")}
    assert EVIL in page.text
    assert "49" not in page.text


def test_pods_by_role_count_each_index_once_and_its_earlier_runs_apart() -> None:
    runs = [pod(failures=0, code=1), pod(failures=1, code=0), pod(index=1, failures=0, code=1)]
    seen = fold("Job", array(pods=2), *runs)

    view = view_of(Material(seen, [track_of(each) for each in runs], MIDNIGHT, []))

    assert (("succeeded", "failed"), (RoleRow("worker", 2, (1, 1), 1),)) == (view.ends, view.roles)


def test_page_asks_nothing_of_a_network() -> None:
    html = as_html(view_of(recorded("gang-succeeds")))

    assert "default-src 'none'" in html
    assert not [word for word in ("http:", "https:", "url(", "@import", "<script", "<link", "<img") if word in html]


def test_values_of_variables_stay_out() -> None:
    owner = jobset()
    container = {
        "name": "main",
        "env": [{"name": "TOKEN", "value": "hunter2"}, {"name": "DAGSET_ROLE", "value": "leader"}],
    }
    owner["spec"] = {**owner["spec"], "template": {"spec": {"containers": [container]}}}
    text = view_of(Material(fold("JobSet", owner), [], MIDNIGHT)).manifest

    assert ("hunter2" in text, "TOKEN" in text, "leader" in text) == (False, True, True)


def many(count: int, *, failing: int = 0) -> Material:
    """Return an array whose highest indexes failed."""
    codes = [1 if index >= count - failing else 0 for index in range(count)]
    pods = [
        pod(index=index, failures=0, code=code, second=index % 50 + 1, says="ValueError: bad\n")
        for index, code in enumerate(codes)
    ]
    for number, each in enumerate(pods):
        each["metadata"]["creationTimestamp"] = at(0)
        each["status"]["containerStatuses"][0]["state"]["terminated"]["startedAt"] = at(number % 50)
    seen = fold("Job", array(condition("Failed", "FailedIndexes"), pods=count, failedIndexes="0"), *pods[-failing:])
    tails = [Tail(f"worker[{index}]", ["x" * 10_000] * 1000) for index in range(count)]
    return Material(seen, [track_of(each) for each in pods], MIDNIGHT + 60, tails)


@pytest.mark.parametrize("count", [1000, 5000])
def test_page_stays_small_however_many_pods_there_were(count: int) -> None:
    view = view_of(many(count, failing=200))
    html = as_html(view)

    assert view.chart is not None
    assert len(html) < 800_000
    assert 800 >= view.chart.height
    assert MOST_LANES >= len(view.chart.bars) / 2
    assert (50, 150, 20) == (len(view.failures), view.failures_left, len(view.tails))
    assert 70 >= len(view.chart.marks)


def test_what_failed_is_drawn_also_where_not_all_fits() -> None:
    chart = view_of(many(3000, failing=5)).chart

    assert chart is not None
    assert 5 == sum(bar.kind == "failed" for bar in chart.bars)
    assert "1000 of 3000 indexes are drawn: those that failed, then the lowest" == chart.note


def life(**words: Any) -> Track:
    given = {"role": "worker", "index": 0, "attempt": 0, "pod": "p", "host": "host-7", "made_at": 0.0, "began_at": 10.0}
    return Track(**{**given, "ended_at": 20.0, "end": "succeeded", "how": "exited 0", **words})


def test_bars_say_wait_and_run_where_they_were() -> None:
    chart = chart_of(
        [life(), life(index=1, began_at=None, ended_at=None, end="waiting", how="waits: Pending")],
        born_at=0.0,
        until=40.0,
        is_gang=True,
    )

    assert chart is not None
    assert [
        ("wait", "worker[0] waited 10s on host-7"),
        ("succeeded", "worker[0] exited 0 on host-7, 10s"),
        ("wait", "worker[1] waited 40s on host-7"),
    ] == [(bar.kind, bar.title) for bar in chart.bars]
    left, right = chart.bars[0].x, 990.0
    assert [left, (right - left) / 4 + left, left] == [bar.x for bar in chart.bars]
    assert ["worker[0]", "worker[1]"] == [mark.text for mark in chart.marks]
    assert ["0s", "5s", "10s"] == [tick.text for tick in chart.ticks[:3]]


def test_restarts_of_a_gang_are_drawn_where_their_first_pod_was_made() -> None:
    tracks = [life(), life(attempt=1, made_at=22.0), life(attempt=1, index=1, made_at=21.0)]

    for is_gang, wanted in ((True, ["restart 1"]), (False, [])):
        chart = chart_of(tracks, born_at=0.0, until=40.0, is_gang=is_gang)
        assert chart is not None
        assert wanted == [each.text for each in chart.restarts]


@pytest.mark.parametrize(
    ("told", "end", "how"),
    [
        pytest.param(pod(), "running", "runs", id="runs"),
        pytest.param(pod(code=0), "succeeded", "exited 0", id="succeeded"),
        pytest.param(pod(code=139), "failed", "exited 139, SIGSEGV", id="signal"),
        pytest.param(pod(code=137, why="OOMKilled"), "failed", "exited 137, SIGKILL, OOMKilled", id="memory"),
        pytest.param(pod(code=143, second=20, disrupted=10), "disrupted", "exited 143, SIGTERM", id="evicted"),
        pytest.param(pod(code=143, second=20, deleted=10), "stopped", "exited 143, SIGTERM", id="deleted"),
        pytest.param({}, "waiting", "waits: Pending", id="nothing known"),
    ],
)
def test_how_a_pod_ended_or_stands(told: dict[str, Any], end: str, how: str) -> None:
    track = track_of(told)

    assert (end, how) == (track.end, track.how)


def test_pod_that_ran_when_the_node_ended_is_over_with_it() -> None:
    running = pod(index=1)
    running["metadata"]["creationTimestamp"] = at(0)
    seen = fold("JobSet", jobset(condition("Failed", second=30)), child("worker"), pod(code=3), running)
    view = view_of(Material(seen, [track_of(running)], MIDNIGHT + 900, [Tail("worker[1]", ["x"])]))

    assert ("stopped",) == view.ends
    assert "ran until the node ended" == view.tails[0].how


def test_what_nobody_saw_is_said() -> None:
    ended = jobset(condition("Completed"), restarts=2)
    first_two = view_of(Material(fold("JobSet", ended), [life(attempt=2)], MIDNIGHT))
    some = view_of(Material(fold("JobSet", ended), [life()], MIDNIGHT))

    assert (
        "The pods of the 2 attempts before were deleted before this report looked (--follow looks all the time)."
        == first_two.unseen
    )
    assert "3 pods were never made, or deleted before this report looked." == some.unseen


def test_node_that_waits_in_a_queue_says_since_when() -> None:
    view = waiting_view()

    assert ("queued", None) == (view.phase, view.chart)
    assert "No pod of it was seen." in as_html(view)
    assert {"in the queue": "1m (gpu)", "restarts": "0"}.items() <= dict(view.facts).items()


def test_array_that_still_runs_says_its_restarts() -> None:
    half_way = view_of(recorded("array-index-fails-twice-then-succeeds", upto=47))
    assert ("running", "2") == (half_way.phase, dict(half_way.facts)["restarts"])


def waiting_view() -> View:
    owner = jobset()
    owner["metadata"] |= {"labels": {"kueue.x-k8s.io/queue-name": "gpu"}, "creationTimestamp": at(0)}
    owner["spec"] = {**owner["spec"], "suspend": True}
    return view_of(Material(fold("JobSet", owner), [], MIDNIGHT + 60))


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (0.4, "0s"), (90, "1m30s"), (7200, "2h"), (100_800, "1d4h")])
def test_lengths_of_time_are_spelled_as_people_do(seconds: float, text: str) -> None:
    assert text == spell_s(seconds)
