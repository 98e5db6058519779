"""Events: counted up when they repeat, bounded when they vary, in the form that their writer has."""

from typing import Any

from dagset.local.events import event_about

Object = dict[str, Any]
NOON = 1_800_000_000.0
AT = "2027-01-15T08:00:00Z"
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "ns", "uid": "u"}}
INVOLVED = {"apiVersion": "batch/v1", "kind": "Job", "namespace": "ns", "name": "j", "uid": "u"}


def told(*messages: str, by: str = "job-controller") -> list[Object]:
    """Give the events after these messages, one a second."""
    known: dict[str, Object] = {}
    for number, message in enumerate(messages):
        words = {"reason": "FailedCreate", "message": message, "by": by}
        event = event_about(JOB, **words, known=[*known.values()], now=NOON + number)
        known[event["metadata"]["name"]] = event
    return [*known.values()]


def test_the_job_controllers_event_looks_like_the_real_one():
    (event,) = told("a")

    assert {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event["metadata"]["name"], "namespace": "ns"},
        "involvedObject": INVOLVED,
        "reason": "FailedCreate",
        "message": "a",
        "type": "Warning",
        "source": {"component": "job-controller"},
        "reportingComponent": "job-controller",
        "reportingInstance": "",
        "firstTimestamp": AT,
        "lastTimestamp": AT,
        "count": 1,
        "eventTime": None,
    } == event
    assert event["metadata"]["name"].startswith("j.")


def test_the_same_words_are_counted():
    (event,) = told("a", "a", "a")

    assert (3, AT, AT.replace("00Z", "02Z")) == (event["count"], event["firstTimestamp"], event["lastTimestamp"])


def test_jobset_counts_in_a_series():
    first, again = told("a", by="jobset"), told("a", "a", by="jobset")
    times = {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": "2027-01-15T08:00:00.000000Z"}

    assert times == {key: first[0][key] for key in times}
    assert ("Reconciling", None) == (first[0]["action"], first[0].get("series"))
    assert {"count": 2, "lastObservedTime": "2027-01-15T08:00:01.000000Z"} == again[0]["series"]


def test_many_different_words_share_an_event_in_the_end():
    events = told(*(f"pod {number}" for number in range(15)))

    combined = "(combined from similar events): pod 14"
    assert [*(f"pod {number}" for number in range(10)), combined] == [event["message"] for event in events]
    assert 5 == events[-1]["count"]
