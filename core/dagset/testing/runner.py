"""Run a story on a cluster: make what it needs, submit its node, let somebody act, follow it to its end, clean up."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagset.cluster.protocol import Cluster
from dagset.compile import compile_node
from dagset.errors import DagsetError
from dagset.model import Identity, node_from
from dagset.observe import Observation, Phase, results_of
from dagset.run.follow import Stop, follow
from dagset.run.release import cancel
from dagset.run.submit import Submitted, submit
from dagset.testing.ends import Ran
from dagset.testing.somebody import Hands, Somebody
from dagset.testing.stage import Stage
from dagset.testing.stories import Story, node_words

__all__ = ["run_story"]

LIMIT_S = 300.0
NAMESPACE_LENGTH = 50  # of 63, which leaves room for a queue's name behind it


def run_story(
    story: Story,
    *,
    cluster: Cluster,
    namespace: str,
    run: str,
    hands: Hands | None = None,
    user: Callable[[str], Cluster] | None = None,
    on_stage: Callable[[Identity, str], None] = lambda _identity, _namespace: None,
    on_end: Callable[[], None] = lambda: None,
    limit_s: float = LIMIT_S,
) -> Ran:
    """Return how the story's node ended and what a follower saw. Nothing of it is left on the cluster afterwards.

    Args:
        story: what to run.
        cluster: where.
        namespace: for stories that need none of their own.
        run: tells two runs of the same story apart.
        hands: what the harness can do to the machines, by name (see `Action`).
        user: gives by namespace the cluster as whoever submits and follows sees it; None: as whoever does all else.
        on_stage: called with the identity and the namespace when all is made, before the submit.
        on_end: called when the node has ended, before anything is cleaned up.
        limit_s: how long the node may take.

    Raises:
        Stopped: it took longer.
        RuntimeError: it ended before all that the story tells was done.
    """
    identity = Identity(owner="dagset stories", run=run, task=story.name)
    own = story.namespace == "own"
    place = f"story-{story.name}"[: NAMESPACE_LENGTH - 7] + f"-{run[:6]}" if own else namespace
    try:
        node = node_from(node_words(story))
        name = compile_node(node, identity).name
        with Stage(cluster, namespace=place, own=own, name=name) as stage:
            for told in story.setup:
                stage.add(told)
            on_stage(identity, place)
            mine = user(place) if user is not None else cluster
            submitted = submit(node, identity, cluster=mine, namespace=place)
            somebody = Somebody(
                story, submitted.ref, owner=submitted.owner, stage=stage, cluster=cluster, hands=hands or {}
            )
            return _followed(submitted, somebody=somebody, cluster=mine, on_end=on_end, limit_s=limit_s)
    except DagsetError as error:
        if story.refused is None:
            raise
        return Ran(error=error)


def _followed(
    submitted: Submitted, *, somebody: Somebody, cluster: Cluster, on_end: Callable[[], None], limit_s: float
) -> Ran:
    phases, details = list[str](), list[str]()
    sights = list[Observation]()

    def take_note(seen: Observation, phase: Phase) -> None:
        sights[:] = [seen]
        phases.append(phase.name)
        details.append(phase.detail)

    try:
        with _time_limit(limit_s) as stop, somebody:
            outcome = follow(submitted.ref, cluster=cluster, on_change=take_note, stop=stop)
            on_end()
        results = results_of(sights[-1])
        return Ran(outcome=outcome, phases=tuple(phases), details=tuple(details), results=results)
    finally:
        cancel(submitted.ref, cluster=cluster)


@contextmanager
def _time_limit(limit_s: float) -> Iterator[Stop]:
    stop = Stop()
    timer = threading.Timer(limit_s, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
