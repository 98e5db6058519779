"""From what an object does when a pod fails to the words of a node, and whether they say the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from dagset.importers.objects.reactions import CODES, DISRUPTED, Reaction, differences
from dagset.model.policy_checks import STOPPED_CODES

__all__ = ["failure_words", "stricter"]

ON_DISRUPTION: Mapping[Reaction, str] = {
    "free": "restart", "alone": "restart", "count": "count", "fail": "fail", "abort": "fail",
}  # fmt: skip
MEANS: Mapping[str, Reaction] = {"restart": "free", "count": "count", "fail": "fail"}
STRICT: Sequence[Reaction] = ("abort", "fail", "count", "alone", "free")


def stricter(reactions: Sequence[Mapping[int, Reaction]]) -> dict[int, Reaction]:
    """Return for each code the strictest of several reactions: what is true of roles that differ."""
    return {code: min((each[code] for each in reactions), key=STRICT.index) for code in (DISRUPTED, *CODES)}


def failure_words(there: Mapping[int, Reaction], *, restarts: int, is_queued: bool) -> tuple[dict[str, Any], str]:
    """Return the words, and where the node will not do the same ("" for nowhere).

    Args:
        there: what the object does for each code, and for a disruption.
        restarts: how often it counts.
        is_queued: a node in a queue says nothing of the codes of a pod that was told to stop.
    """
    by: dict[str, list[int]] = {}
    for code in CODES:
        by.setdefault(there[code], []).append(code)
    given = restarts
    if len(by.get("fail", ())) == len(CODES):
        restarts = 0  # which says it shorter than a list of all codes
    words: dict[str, Any] = {"restarts": restarts, "on_disruption": _on_disruption(there[DISRUPTED], by)}
    for word, reaction in (("fail", "fail"), ("abort", "abort"), ("free", "free")):
        codes = by.get(reaction, [])
        is_all = reaction != "abort" and len(codes) > len(CODES) / 2 and (reaction == "free" or not restarts)
        kept = [code for code in codes if not (is_queued and code in STOPPED_CODES)]
        words[f"{word}_exit_codes"] = [] if is_all else kept
    here = {code: _meant(code, words) for code in CODES} | {DISRUPTED: MEANS[words["on_disruption"]]}
    return words, differences(_effective(there, given), _effective(here, restarts))


def _on_disruption(reaction: Reaction, by: Mapping[str, list[int]]) -> str:
    """Return the word; a pod that is replaced alone after any failure counts disruptions as well."""
    return "count" if reaction == "alone" and len(by.get("alone", ())) > len(CODES) / 2 else ON_DISRUPTION[reaction]


def _meant(code: int, words: Mapping[str, Any]) -> Reaction:
    kinds: tuple[Reaction, ...] = ("abort", "fail", "free")
    return next((kind for kind in kinds if code in words[f"{kind}_exit_codes"]), "count")


def _effective(reactions: Mapping[int, Reaction], restarts: int) -> dict[int, Reaction]:
    """Return reactions with what is counted where nothing may run again: it ends the node."""
    return {code: "fail" if each == "count" and not restarts else each for code, each in reactions.items()}
