"""How a story ended, beside how it tells that it ends."""

import itertools
from typing import Any

import msgspec

from dagset.errors import ClusterRefused, DagsetError
from dagset.observe import Outcome
from dagset.testing.stories import Story, trimmed

__all__ = ["Ran", "expected", "shortened", "told"]

LONGEST_RESULT = 40
Results = dict[str, list[str | None]]


class Ran(msgspec.Struct, frozen=True):
    """What came of a story: an Outcome, or the error of a refused submit; the rest is as followed."""

    outcome: Outcome | None = None
    error: DagsetError | None = None
    phases: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    results: Results = {}


def expected(story: Story) -> dict[str, Any]:
    """Return what has to be equal on all clusters."""
    if story.refused is not None:
        return {"refused": story.refused}
    end: dict[str, Any] = {"outcome": story.outcome, "sees": list(story.sees)}
    end |= {"results": story.results} if story.results is not None else {}
    return end | ({"phases": list(story.phases)} if story.phases else {})


def told(ran: Ran, *, story: Story) -> dict[str, Any]:
    """Return of a run what the story tells of, in the same form.

    `starting` comes and goes with the load of a cluster, so it is left out of the phases, unless the story has it; so
    is `queued` at the begin, which a follower misses when the queue has room.
    """
    if ran.error is not None:
        return {"refused": _refusal(ran.error, story)}
    if ran.outcome is None:
        return {}
    sees = [text for text in story.sees if any(text in detail for detail in ran.details)]
    end: dict[str, Any] = {"outcome": trimmed(ran.outcome, like=story.outcome), "sees": sees}
    end |= {"results": shortened(ran.results)} if story.results is not None else {}
    return end | ({"phases": _collapsed(ran.phases, story)} if story.phases else {})


def shortened(results: Results) -> Results:
    """Return the results as stories tell them: of a long one its ends and its length."""
    return {role: [text and _short(text) for text in texts] for role, texts in results.items()}


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_RESULT else f"{text[:4]}...{text[-4:]} ({len(text)})"


def _refusal(error: DagsetError, story: Story) -> dict[str, Any]:
    wanted = story.refused or {}
    status = {"status": error.status} if "status" in wanted and isinstance(error, ClusterRefused) else {}
    text = wanted.get("text", "")
    return {"error": type(error).__name__, **status, "text": text if text in str(error) else str(error)}


def _collapsed(phases: tuple[str, ...], story: Story) -> list[str]:
    kept = [phase for phase in phases if phase != "starting" or "starting" in story.phases]
    if story.phases[0] != "queued":
        kept = list(itertools.dropwhile(lambda phase: phase == "queued", kept))
    return [phase for phase, _ in itertools.groupby(kept)]
