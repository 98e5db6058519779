"""Every story on every cluster: the same node, the same end."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dagset.cluster.protocol import Cluster
from dagset.observe import verdict, verdict_of_error
from dagset.run.connect import open_cluster
from dagset.testing.ends import Ran, expected, told
from dagset.testing.runner import run_story
from dagset.testing.stories import Story, load_stories
from tests.conftest import TOLD_AGAIN
from tests.realcluster.fixtures import hands
from tests.stories.abilities import JUSTIFIED, stories_for

STORIES = sorted(load_stories(Path(__file__).parent), key=lambda story: story.alone)
AT_ONCE = 6
MOST_AGAIN = 10
SECONDS_FOR_ALL = 1500  # some stories wait for all others
Note = Callable[[str, object], None]
Run = Callable[[Story, Note], Ran]


@pytest.fixture(scope="module")
def on_local(local_cluster: Path, request: pytest.FixtureRequest) -> Iterator[Run]:
    yield from _runs(local_cluster, request, marker="on_local")


@pytest.fixture(scope="module")
def on_real(
    real_cluster: Path, restricted_user: Callable[[str], Path], request: pytest.FixtureRequest
) -> Iterator[Run]:
    """Whoever submits and follows may do what `dagset rbac` prints, no more."""

    def user(namespace: str) -> Cluster:
        return open_cluster(str(restricted_user(namespace)), namespace=namespace)

    yield from _runs(real_cluster, request, marker="on_real", user=user)


def _runs(
    kubeconfig: Path,
    request: pytest.FixtureRequest,
    *,
    marker: str,
    user: Callable[[str], Cluster] | None = None,
) -> Iterator[Run]:
    """Start all selected stories of this cluster, a few at a time, and hand out their ends.

    Those that do something to a host go one by one, and those that no other story should meet come last. A story takes
    seconds for what takes minutes, so one that ended otherwise on a busy machine is told again after all others.
    """
    run = uuid.uuid4().hex
    selected = {item.callspec.params["story"].name for item in request.session.items if marker in item.fixturenames}
    cluster = open_cluster(str(kubeconfig), namespace="default")
    chosen = [story for story in STORIES if story.name in selected]
    again: list[str] = []
    harness = hands() if any("host_loss" in story.needs for story in chosen) else {}

    def play(story: Story) -> Ran:
        of_run = f"{run}-{again.count(story.name)}"
        return run_story(story, cluster=cluster, namespace="default", run=of_run, hands=harness, user=user)

    def end_of(story: Story, note: Note) -> Ran:
        first = ends[story.name]
        if first.exception() is None and expected(story) == told(first.result(), story=story):
            return first.result()
        again.append(story.name)
        assert len(again) <= MOST_AGAIN, f"ended otherwise: {', '.join(again)}"
        note(TOLD_AGAIN, story.name)
        return turns.submit(_after, list(ends.values()), play, story).result()

    together = [story for story in chosen if not story.one_at_a_time]
    in_turn = sorted((story for story in chosen if story.one_at_a_time), key=lambda story: story.alone)
    with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(1) as turns:
        ends: dict[str, Future[Ran]] = {story.name: pool.submit(play, story) for story in together}
        others = list(ends.values())
        for story in in_turn:
            ends[story.name] = turns.submit(_after, others if story.alone else [], play, story)
        yield end_of


def _after(others: list[Future[Ran]], play: Callable[[Story], Ran], story: Story) -> Ran:
    for other in others:
        other.exception()  # waits for its end
    return play(story)


@pytest.mark.cluster
@pytest.mark.timeout(SECONDS_FOR_ALL)
@pytest.mark.parametrize("story", stories_for("local", STORIES), ids=lambda story: story.name)
def test_story_ends_as_told_on_the_local_cluster(story: Story, on_local: Run, record_property: Note):
    assert expected(story) == told(on_local(story, record_property), story=story)


@pytest.mark.realcluster
@pytest.mark.timeout(SECONDS_FOR_ALL)
@pytest.mark.parametrize("story", stories_for("real", STORIES), ids=lambda story: story.name)
def test_story_ends_as_told_on_the_real_cluster(story: Story, on_real: Run, record_property: Note):
    ran = on_real(story, record_property)

    assert expected(story) == told(ran, story=story)
    assert story.verdicts == {engine: _verdict(ran, engine) for engine in story.verdicts}


def _verdict(ran: Ran, engine: str) -> str:
    return verdict(ran.outcome, engine) if ran.outcome is not None else verdict_of_error(ran.error)


def test_at_most_three_differences_are_justified():
    assert 3 >= len(JUSTIFIED)
