"""Record what real controllers say while stories run: `python -m tests.recordings.record [story ...]`.

One file per story under tests/recordings/<cluster>/, so that `judge` meets real statuses in milliseconds. Runs on the
real cluster that is up (`make cluster-up`), or on that of $DAGSET_RECORD_FROM, a kubeconfig.
"""

import os
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from dagset import constants
from dagset.cluster.protocol import Cluster, Event, Stream
from dagset.compile import compile_node
from dagset.errors import DagsetError, NotFound
from dagset.model import Identity, node_from
from dagset.observe import Change
from dagset.run.connect import open_cluster
from dagset.testing.ends import expected, told
from dagset.testing.runner import run_story
from dagset.testing.somebody import Hands
from dagset.testing.stories import Story, load_stories, node_words
from tests.realcluster import cluster as harness
from tests.realcluster.fixtures import hands
from tests.realcluster.place import place
from tests.recordings.tape import told_by, written

HERE = Path(__file__).parent
STORIES = HERE.parent / "stories"
CLUSTER = "k8s-1.36-jobset-0.12"
LABELLED, FOUND_BY_NAME = ("JobSet", "Job", "Pod"), ("Workload", "Event")
AT_ONCE = 6
QUIET_S = 3.0  # the end is followed by the pods' last words and the controllers' tidying up
AT_MOST_S = 20.0
RUN = "recording"  # the same for ever, so that names are


def main() -> int:
    """Record the named stories, or all that run; the number of those that did not end as they tell."""
    wanted = sys.argv[1:]
    stories = [each for each in load_stories(STORIES) if each.refused is None and (not wanted or each.name in wanted)]
    kubeconfig = os.environ.get("DAGSET_RECORD_FROM") or str(harness.kubeconfig(place()))
    cluster = open_cluster(kubeconfig, namespace="default")
    at_hand = hands() if any("host_loss" in story.needs for story in stories) else {}
    wrong = 0
    serial = [story for story in stories if story.one_at_a_time]
    for chosen, at_once in ((serial, 1), ([story for story in stories if story not in serial], AT_ONCE)):
        with ThreadPoolExecutor(at_once) as pool:
            for line, is_right in pool.map(lambda story: record(story, cluster=cluster, at_hand=at_hand), chosen):
                print(line, flush=True)
                wrong += not is_right
    size = sum(path.stat().st_size for path in (HERE / CLUSTER).glob("*.jsonl"))
    print(f"{len(stories)} stories recorded, {wrong} of them wrong; all recordings: {size / 1e6:.1f} MB")
    return wrong


def record(story: Story, *, cluster: Cluster, at_hand: Hands) -> tuple[str, bool]:
    """Run one story and write its file if it ended as it tells; a line about it, and whether it did."""
    tape = Tape(cluster, owner=compile_node(node_from(node_words(story)), identity_of(story)).name)
    try:
        ran = run_story(
            story,
            cluster=cluster,
            namespace="default",
            run=RUN,
            hands=at_hand,
            on_stage=tape.start,
            on_end=tape.until_quiet,
        )
    except (DagsetError, RuntimeError) as error:
        return f"{story.name}: NOT RECORDED: {type(error).__name__}: {error}", False
    finally:
        tape.stop()
    if told(ran, story=story) != expected(story):
        return f"{story.name}: NOT RECORDED: it ended otherwise: {told(ran, story=story)}", False
    text = written(tape.changes)
    path = HERE / CLUSTER / f"{story.name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return f"{story.name}: {len(tape.changes)} changes, {len(text) / 1000:.0f} KB", True


def identity_of(story: Story) -> Identity:
    """Return the identity that `run_story` gives."""
    return Identity(owner="dagset stories", run=RUN, task=story.name)


class Tape:
    """What the watches tell of one node, in the order of arrival."""

    def __init__(self, cluster: Cluster, *, owner: str) -> None:
        self._cluster, self._owner = cluster, owner
        self._streams: list[Stream[Event]] = []
        self._told: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self.changes: list[Change] = []

    def start(self, identity: Identity, namespace: str) -> None:
        """Watch from now on; there is nothing of the node yet."""
        labels = {constants.IDENTITY: identity.key}
        for kind in (*LABELLED, *FOUND_BY_NAME):
            with suppress(NotFound):  # without Kueue there are no Workloads
                self._watch(kind, namespace=namespace, labels=labels if kind in LABELLED else {})

    def until_quiet(self) -> None:
        """Take down what is told, until nothing is for a while."""
        limit = time.monotonic() + AT_MOST_S
        while time.monotonic() < limit:
            try:
                change = self._told.get(timeout=QUIET_S)
            except queue.Empty:
                return
            if told_by(change, owner=self._owner):
                self.changes.append(change)

    def stop(self) -> None:
        """End the watches."""
        for stream in self._streams:
            stream.close()

    def _watch(self, kind: str, *, namespace: str, labels: dict[str, str]) -> None:
        version = self._cluster.list(kind, namespace=namespace, labels=labels).resource_version
        stream = self._cluster.watch(kind, namespace=namespace, labels=labels, resource_version=version)
        self._streams.append(stream)
        threading.Thread(target=self._take, args=(kind, stream), daemon=True).start()

    def _take(self, kind: str, stream: Stream[Event]) -> None:
        with closing(stream), suppress(DagsetError):
            for event in stream:
                if event.verb != "BOOKMARK":
                    self._told.put(Change(kind=kind, verb=event.verb, object=event.object))


if __name__ == "__main__":
    sys.exit(main())
