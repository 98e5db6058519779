"""An answer is a dict or a typed error with the server's words; weather is told from answers."""

import json

import pytest

from dagset.cluster.answers import answer, event
from dagset.cluster.protocol import Event
from dagset.errors import AlreadyExists, ClusterRefused, ClusterUnreachable, Gone, NotFound


def status(code, reason, message="words of the server"):
    return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": message}).encode()


def failure(code, body, *, headers=None, what="create Job ml/a"):
    with pytest.raises((ClusterRefused, ClusterUnreachable)) as caught:
        answer(code, headers or {}, body, what=what)
    return caught.value


def test_success_is_the_body():
    assert {"kind": "Job"} == answer(201, {}, b'{"kind": "Job"}', what="")


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", ClusterRefused),
        (401, "Unauthorized", ClusterRefused),
        (403, "Forbidden", ClusterRefused),
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (422, "Invalid", ClusterRefused),
        (302, "", ClusterRefused),
        (418, "", ClusterRefused),
        (499, "", ClusterRefused),
    ],
)
def test_answers_are_final(code, reason, expected):
    error = failure(code, status(code, reason))

    assert (expected, code, reason) == (type(error), error.status, error.reason)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_weather_may_pass(code):
    assert ClusterUnreachable is type(failure(code, status(code, "")))


def test_message_says_what_was_asked_and_keeps_the_servers_words():
    assert "create Job ml/a: words of the server (HTTP 403 Forbidden)" == str(failure(403, status(403, "Forbidden")))


def test_page_of_a_proxy_is_not_repeated():
    assert "create Job ml/a: Bad Gateway (HTTP 502)" == str(failure(502, b"<html>token=secret</html>"))


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, b"", 7.0),
        ({}, json.dumps({"kind": "Status", "details": {"retryAfterSeconds": 3}}).encode(), 3.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", None),
        ({}, b"", None),
    ],
    ids=["header", "status", "date", "none"],
)
def test_wish_to_wait_is_kept(headers, body, seconds):
    assert seconds == failure(429, body, headers=headers).retry_after_s


def test_conflict_of_a_create_is_weather_and_of_a_delete_an_answer():
    """Quota admission answers a lost race by 409 Conflict; a delete of another uid is one as well, and final."""
    assert ClusterUnreachable is type(failure(409, status(409, "Conflict")))
    assert ClusterRefused is type(failure(409, status(409, "Conflict"), what="delete Job ml/a"))


def test_answer_that_is_cut_short_is_weather():
    assert ClusterUnreachable is type(failure(200, b'{"kind": "Jo'))


def test_event_is_verb_and_object():
    assert Event("ADDED", {"kind": "Pod"}) == event(b'{"type":"ADDED","object":{"kind":"Pod"}}', what="")


@pytest.mark.parametrize(("code", "expected"), [(410, Gone), (500, ClusterUnreachable), (403, ClusterRefused)])
def test_error_in_a_stream_is_the_same_as_a_status(code, expected):
    line = b'{"type":"ERROR","object":' + status(code, "Expired") + b"}"

    with pytest.raises(expected, match="words of the server"):
        event(line, what="watch Pods in ml")


def test_line_that_is_cut_short_is_weather():
    with pytest.raises(ClusterUnreachable, match="cut short"):
        event(b'{"type":"ADDED","obj', what="watch Pods in ml")
