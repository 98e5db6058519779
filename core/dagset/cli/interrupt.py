"""Ctrl-C and SIGTERM during `dagset run`: delete the node, say when it is gone, and what is left if nobody waits."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

from dagset.cli.find import first_sight
from dagset.cli.screen import Screen
from dagset.errors import ClusterUnreachable

if TYPE_CHECKING:
    from dagset.cluster.protocol import Cluster
    from dagset.model import Identity, Ref
    from dagset.observe import Observation, Outcome

__all__ = ["cancel_node", "ignore_sigterm", "interruptible", "undo_submit"]


@contextlib.contextmanager
def interruptible(*, once: bool = False) -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: raise KeyboardInterrupt; `once`: and do nothing when it comes again."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if once:
            ignore_sigterm()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ignore_sigterm() -> None:
    """Go on, whoever wants an end, until `interruptible` is left: what is done now is short, and all or nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def cancel_node(ref: "Ref", seen: "Observation", *, cluster: "Cluster", screen: Screen) -> "tuple[Outcome, bool]":
    """Delete the node; return its Outcome (how it ended, if it had) and whether it is gone: a second interrupt cuts in.

    Raises:
        ClusterUnreachable: it may run on, which was told.
    """
    from dagset.run.release import cancel

    accepted: list[str] = []

    def wait(text: str) -> None:
        accepted.append(text)
        screen.progress(text)

    screen.say(f"cancelling {ref}: deleting it and its pods (once more to stop waiting)")
    try:
        cancel(ref, cluster=cluster, on_wait=wait)
    except KeyboardInterrupt:
        screen.say(f"not waiting any longer; {_left_behind(ref, accepted=bool(accepted))}")
        return _cancelled(ref, seen), False
    except ClusterUnreachable:
        screen.say(_left_behind(ref, accepted=bool(accepted)))
        raise
    screen.say(f"{ref} is gone")
    return _cancelled(ref, seen), True


def undo_submit(identity: "Identity", *, cluster: "Cluster", screen: Screen) -> "Outcome | None":
    """Cancel what an interrupted submit may have created, for its answer was never seen; None if nothing was."""
    from dagset.run.owners import ref_of, running

    screen.say("interrupted while submitting; looking for what was created")
    try:
        owner = running(identity, cluster=cluster)
    except ClusterUnreachable:
        screen.say("cannot tell whether anything was created: try `dagset cancel` with the same file later")
        raise
    if owner is None:
        screen.say("nothing was created")
        return None
    return cancel_node(ref_of(owner), first_sight(owner), cluster=cluster, screen=screen)[0]


def _cancelled(ref: "Ref", seen: "Observation") -> "Outcome":
    from dagset.observe import cancelled, judge, relisted

    outcome = judge(relisted(cancelled(seen), ref.kind, []))
    if outcome is None:
        raise AssertionError("a node that is gone has an end")
    return outcome


def _left_behind(ref: "Ref", *, accepted: bool) -> str:
    if accepted:
        return f"the deletion of {ref} goes on in the cluster"
    return f"{ref} may run on: try `dagset cancel {ref.name} -n {ref.namespace}` later"
