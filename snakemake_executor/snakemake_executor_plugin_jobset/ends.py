"""How the jobs of a chunk ended: what their runner wrote while it ran, and what became of its pod."""

from collections.abc import Mapping
from pathlib import Path

from dagset.observe import REASONS
from snakemake_executor_plugin_jobset.jobs import Ending, Member

__all__ = ["chunk_ending", "read_ends"]

LINES, LINE_LENGTH = 20, 500
RUNNING = "running"


def read_ends(path: Path) -> dict[int, str]:
    """Return how each job of a chunk ended, by its place; "running" for one that its pod's end has cut off.

    Jobs whose turn did not come are not there; nor is any, when nothing can be read.
    """
    ends = {}
    try:
        for line in path.read_text().splitlines():
            _attempt, place, end = line.split(" ", 2)
            ends[int(place)] = end
    except (OSError, ValueError):
        return ends
    return ends


def chunk_ending(pods: Ending, member: Member, ends: Mapping[int, str], *, among: int) -> Ending:
    """Return how a job of a chunk ended.

    Args:
        pods: how the pod did: that of the job which ran then, and of all when the runner left no word.
        member: the job; its log is there, or None.
        ends: the runner's words, by place.
        among: the job's place.
    """
    end = ends.get(among)
    if pods.verdict == "success" or end == "0":
        return Ending("success", "")
    if not ends or end == RUNNING:
        return pods
    if end is None:
        return Ending(
            "again", f"{member.ref}: its pod ended before the turn of this job came. {pods.message}", free=True
        )
    reason, what = _told(end, member)
    return Ending(REASONS[reason].snakemake, f"{member.ref} {reason}: {what}{_last_lines(member.log)}")


def _told(end: str, member: Member) -> tuple[str, str]:
    """Return the reason and what happened, for a runner's word."""
    if end == "oom":
        return "oom_killed", "a process of it was killed at the memory limit of its pod; ask for more mem_mb"
    if end == "deadline":
        return "deadline_exceeded", f"it took longer than {member.node.deadline}; ask for more runtime"
    failed_fast = end.isdecimal() and int(end) in member.node.fail_exit_codes
    return "failed_fast" if failed_fast else "app_error", f"it exited {end}"


def _last_lines(log: Path | None) -> str:
    if log is None:
        return ""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LINES * LINE_LENGTH))
            lines = file.read().decode(errors="replace").splitlines()[-LINES:]
    except OSError:
        return ""
    return "\nIts last lines:" * bool(lines) + "".join(f"\n    {line[:LINE_LENGTH]}" for line in lines if line)
