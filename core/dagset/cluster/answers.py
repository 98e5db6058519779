"""What the API server said, as a dict or as one of our errors. Keeps the server's words, and nothing of the headers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from dagset.cluster.protocol import Event, Manifest
from dagset.cluster.refusals import UNKNOWN_KIND, words_and_remedy
from dagset.errors import AlreadyExists, ClusterRefused, ClusterUnreachable, DagsetError, Gone, NotFound, UnknownKind

__all__ = ["answer", "error_of", "event"]

# The server, or something before it, is not able right now (kubernetes: API conventions, "HTTP Status codes"). 500 is
# among them: a webhook that is not up yet answers InternalError.
WEATHER = frozenset({408, 429, 500, 502, 503, 504})
ANSWERS = {404: NotFound, 410: Gone}


def answer(status: int, headers: Mapping[str, str], body: bytes, *, what: str) -> Manifest:
    """Return the decoded body of a success; raise the error that any other status stands for."""
    if not 200 <= status < 300:
        raise error_of(status, _status_object(body), what=what, retry_after=headers.get("Retry-After"))
    try:
        return _decoded(body)
    except msgspec.DecodeError as error:
        raise ClusterUnreachable(f"{what}: the answer is cut short or no JSON: {error}") from error


def event(line: bytes, *, what: str) -> Event:
    """Return one line of a watch; an ERROR line raises (410 in there is `Gone`, as in an HTTP status)."""
    try:
        told = _decoded(line)
    except msgspec.DecodeError as error:
        raise ClusterUnreachable(f"{what}: a line of the stream is cut short: {error}") from error
    if told["type"] == "ERROR":
        raise error_of(told["object"].get("code", 0), told["object"], what=what)
    return Event(told["type"], told["object"])


def error_of(status: int, told: Mapping[str, Any], *, what: str, retry_after: str | None = None) -> DagsetError:
    """Return the error for a Status object (`{}` when the body was none: a proxy's page is not repeated)."""
    reason, (words, remedy) = str(told.get("reason") or ""), words_and_remedy(told)
    text = f"{what}: {words or _phrase(status)} (HTTP {status}{' ' + reason if reason else ''})"
    text += f"; {remedy}" if remedy else ""
    if status in WEATHER or _is_race(status, reason, what):
        return ClusterUnreachable(text, retry_after_s=_seconds(retry_after, told))
    if status == 404 and words.startswith(UNKNOWN_KIND):
        return UnknownKind(text, status=status, reason=reason)
    if status == 409 and reason == "AlreadyExists":
        return AlreadyExists(text, status=status, reason=reason)
    return ANSWERS.get(status, ClusterRefused)(text, status=status, reason=reason)


def _is_race(status: int, reason: str, what: str) -> bool:
    """Tell whether a create lost a race inside the server: quota admission gives up with a 409 Conflict.

    Source: kubernetes: plugin/pkg/admission/resourcequota (updates of a ResourceQuota are optimistic).
    """
    return status == 409 and reason == "Conflict" and what.startswith("create ")


def _seconds(retry_after: str | None, told: Mapping[str, Any]) -> float | None:
    """Return the wait that the header or the Status asks for; the header's form as a date is not used by Kubernetes."""
    asked = retry_after if retry_after else (told.get("details") or {}).get("retryAfterSeconds")
    try:
        return float(asked) if asked is not None else None
    except ValueError:
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _status_object(body: bytes) -> Mapping[str, Any]:
    if body.strip() == b"404 page not found":  # what the API server says of a group that it does not serve
        return {"reason": "NotFound", "message": UNKNOWN_KIND}
    try:
        told = _decoded(body)
    except msgspec.DecodeError:
        return {}
    return told if told.get("kind") == "Status" else {}


def _decoded(body: bytes) -> Manifest:
    return msgspec.json.decode(body, type=dict[str, Any])
