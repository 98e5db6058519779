"""Every story on every cluster: the same node, the same end."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dagset.observe import Outcome, verdict
from dagset.run.connect import open_cluster
from dagset.testing.runner import run_story
from dagset.testing.stories import Story, load_stories, trimmed

STORIES = load_stories(Path(__file__).parent)
AT_ONCE = 6
Run = Callable[[Story], Outcome]


@pytest.fixture(scope="module")
def on_local(local_cluster: Path, request: pytest.FixtureRequest) -> Iterator[Run]:
    yield from _runs(local_cluster, request, marker="on_local")


@pytest.fixture(scope="module")
def on_real(real_cluster: Path, request: pytest.FixtureRequest) -> Iterator[Run]:
    yield from _runs(real_cluster, request, marker="on_real")


def _runs(kubeconfig: Path, request: pytest.FixtureRequest, *, marker: str) -> Iterator[Run]:
    """Start all selected stories of this cluster at once, a few at a time, and hand out their ends."""
    run = uuid.uuid4().hex
    selected = {item.callspec.params["story"].name for item in request.session.items if marker in item.fixturenames}
    cluster = open_cluster(str(kubeconfig), namespace="default")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends: dict[str, Future[Outcome]] = {
            story.name: pool.submit(run_story, story, cluster=cluster, namespace="default", run=run)
            for story in STORIES
            if story.name in selected
        }
        yield lambda story: ends[story.name].result()


@pytest.mark.cluster
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_story_ends_as_told_on_the_local_cluster(story: Story, on_local: Run):
    assert story.outcome == trimmed(on_local(story), like=story.outcome)


@pytest.mark.realcluster
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_story_ends_as_told_on_the_real_cluster(story: Story, on_real: Run):
    outcome = on_real(story)

    assert story.outcome == trimmed(outcome, like=story.outcome)
    assert story.verdicts == {engine: verdict(outcome, engine) for engine in story.verdicts}
