"""An explanation as a person reads it."""

import textwrap
from collections.abc import Iterator

from dagset.explain.facts import EndRule, Explanation, Limit, RoleMade, Runs, VerdictRow
from dagset.model.duration import format_duration

__all__ = ["as_text"]

WIDTH = 110
ARGO = "a step that failed is run again by its retryStrategy, as a new node; docs/hera.md says which ends it can tell"
Row = tuple[str, str]


def as_text(told: Explanation) -> str:
    """Return the explanation in sections, each line at most 110 wide unless a name is longer."""
    sections = (
        ("", [("", _head(told))]),
        ("It becomes", _made(told)),
        ("It has succeeded when", [("", told.success)]),
        ("When a pod", [(_when(rule), _then(rule, told)) for rule in told.ends]),
        ("How often a pod may run", list(_runs(told.runs, told))),
        ("Time limits", [_limit(limit) for limit in told.limits]),
        ("What is deleted", [("", line) for line in told.kept]),
        ("What an engine makes of its end (retry: a new node)", _verdicts(told)),
        ("Advice", [("", line) for line in told.advice]),
    )
    return "\n\n".join(_section(title, rows) for title, rows in sections if rows)


def _section(title: str, rows: list[Row]) -> str:
    width, indent = max(len(label) for label, _ in rows), "  " if title else ""
    lines = [line for label, text in rows for line in _lines(label, text, width=width, indent=indent)]
    return "\n".join([f"{title}:", *lines] if title else lines)


def _lines(label: str, text: str, *, width: int, indent: str) -> list[str]:
    if not width:  # a line, or a row of a table, as it is
        return [f"{indent}{text}"] if len(text) + len(indent) <= WIDTH else _wrapped(text, indent, indent)
    return _wrapped(text, f"{indent}{label.ljust(width)}  ", " " * (len(indent) + width + 2))


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    wrap = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)
    wrap.initial_indent, wrap.subsequent_indent = first, rest
    return wrap.wrap(text)


def _head(told: Explanation) -> str:
    roles = f" in {len(told.roles)} roles" if len(told.roles) > 1 else ""
    what = "one pod" if told.pods == 1 else f"{told.coupling} of {told.pods} pods{roles}"
    queue = f", which waits in queue {told.queue} until it is admitted" if told.queue else ""
    return f"{told.kind} {told.name}: {what}{queue}"


def _made(told: Explanation) -> list[Row]:
    rows = [(role.name, _role(role)) for role in told.roles]
    rows += [("parts", part) for part in told.parts]
    return rows + ([("coordinator", f"{told.coordinator} (DAGSET_COORDINATOR)")] if told.coordinator else [])


def _role(role: RoleMade) -> str:
    at_once = f", {role.at_once} at once" if role.at_once < role.pods else ""
    after = f"; starts when {' and '.join(role.after)}" if role.after else ""
    host = f", to its peers {role.host_name}" if role.host_name else ""
    which = "it" if role.pods == 1 else "index 0"
    return f"{_count(role.pods, 'pod')}{at_once} of {role.image or 'no image'}{after}; {which} is {role.pod_name}{host}"


def _when(rule: EndRule) -> str:
    return f"{rule.when} ({', '.join(rule.roles)})" if rule.roles else rule.when


def _then(rule: EndRule, told: Explanation) -> str:
    if rule.then == "node fails":
        return f"the node fails: {rule.reason}"
    if rule.then == "index fails":
        return f"that index fails, the others go on{_in_the_end(rule, told)}"
    again = "all pods start again" if rule.then == "all start again" else "it runs again"
    if rule.counts:
        fails = "the node" if told.pods == 1 or rule.then == "all start again" else "that index"
        return f"{again}, at most {_times(rule.times)}; then {fails} fails{_in_the_end(rule, told)}"
    if rule.times is None:
        return f"{again}, for free and without end: nobody counts"
    beyond = f"after more than {rule.times}" if rule.times else "at the first"
    return f"{again}, for free; {beyond} a follower deletes the node: {rule.reason}"


def _in_the_end(rule: EndRule, told: Explanation) -> str:
    if told.pods == 1 or told.coupling == "gang":
        return f": {rule.reason}"
    unless = "" if told.success.startswith("all ") else ", unless it has succeeded"
    return f"; the node fails when all are done{unless}: {rule.reason}"


def _runs(runs: Runs, told: Explanation) -> Iterator[Row]:
    """Tell the restarts within the node, the engine's retries, and the product of both."""
    counted, whose = 1 + runs.restarts, "of the whole node" if told.kind == "JobSet" else "of its index"
    restarts = f"once, and {_count(runs.restarts, 'restart')} {whose}" if runs.restarts else "once (restarts: 0)"
    yield "in this node", f"{restarts}{_free(runs, told)}"
    if runs.again_by:
        yield "again by", runs.again_by
    if runs.retries:
        nodes = f"{_count(runs.retries, 'retry', 'retries')}, so {runs.retries + 1} nodes"
        total = _times(counted * (runs.retries + 1))
    else:
        nodes, total = "each of its retries is a new node", f"{_times(counted)} for each node"
    yield "in an engine", nodes
    bound = f"; {runs.with_retries} with every free restart" if runs.free and runs.with_retries else ""
    yield "in all", f"at most {total}{bound}"


def _free(runs: Runs, told: Explanation) -> str:
    if runs.free is None:
        return ", and free restarts without end: nobody follows and counts them"
    each = "" if told.kind == "JobSet" or told.pods == 1 else " of one index"
    allowed = f"{_count(runs.free, 'free restart')}{each}, the last cut short (max_disruptions: {(runs.free or 1) - 1})"
    return f", and {allowed}" if runs.free else ""


def _limit(limit: Limit) -> Row:
    if limit.seconds is None:
        return f"{limit.word} none", f"not limited: {limit.counts}"
    duration = format_duration(limit.seconds) if limit.seconds else "0s"
    return f"{limit.word} {duration}", f"{limit.held_by}: {limit.counts}; then {limit.then}"


def _verdicts(told: Explanation) -> list[Row]:
    """Tell what Airflow and Snakemake do; Argo's resource template knows no reasons, and nobody follows there."""
    if not told.followed:
        return [("", ARGO)]
    table = [("reason", "exit code", "Airflow", "Snakemake"), *map(_verdict, told.verdicts)]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    return [("", "  ".join(map(str.ljust, row, widths)).rstrip()) for row in table]


def _verdict(row: VerdictRow) -> tuple[str, str, str, str]:
    return row.reason, "the pod's" if row.exit_code is None else str(row.exit_code), row.airflow, row.snakemake


def _count(number: int, word: str, plural: str = "") -> str:
    return f"{number} {word if number == 1 else plural or f'{word}s'}"


def _times(number: int | None) -> str:
    return "once" if number == 1 else f"{number} times"
