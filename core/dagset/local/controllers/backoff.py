"""How long a Job waits before it runs a failed pod again.

The real controller waits 10 s, 20 s, 40 s... up to 10 minutes; here it is 0.2 s, 0.4 s... up to 5 s, because nobody is
served by waiting on a laptop. Object times have whole seconds, so that the first waits may be shorter still.
"""

from collections.abc import Sequence
from datetime import datetime

from dagset.local.controllers.changes import Object
from dagset.local.controllers.jobpods import failures_of, finished_at

__all__ = ["wait_for_index_s", "wait_for_job_s"]

_FIRST_S = 0.2
_LONGEST_S = 5.0


def wait_for_index_s(last_failed: Object | None, *, now: datetime) -> float:
    """Give the seconds until the index may run again; 0 when it may now."""
    if last_failed is None:
        return 0.0
    return _remaining_s(sum(failures_of(last_failed)) + 1, since=finished_at(last_failed), now=now)


def wait_for_job_s(pods: Sequence[Object], *, now: datetime) -> float:
    """Give the seconds until any index may run again, by the failures since the last success."""
    succeeded = [finished_at(pod) for pod in pods if pod["status"]["phase"] == "Succeeded"]
    failed = [finished_at(pod) for pod in pods if pod["status"]["phase"] == "Failed"]
    recent = [end for end in failed if not succeeded or end > max(succeeded)]
    return _remaining_s(len(recent), since=max(recent), now=now) if recent else 0.0


def _remaining_s(failures: int, *, since: datetime, now: datetime) -> float:
    wait = min(_FIRST_S * 2.0 ** min(failures - 1, 10), _LONGEST_S)
    return max(0.0, wait - (now - since).total_seconds())
