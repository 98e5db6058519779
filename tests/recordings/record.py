"""Record what real controllers say while a story runs: `python -m tests.recordings.record KUBECONFIG [story ...]`.

One file per story under tests/recordings/<cluster>/, one change per line in the order of arrival, so that `judge` meets
real statuses in milliseconds. Needs a running cluster (`make cluster-up`); to evict, kubectl ($KUBECTL or on the PATH).
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from dagset import constants
from dagset.cluster.kube import KubeCluster
from dagset.cluster.protocol import Event, Stream
from dagset.compile import Bundle, compile_node
from dagset.errors import NotFound
from dagset.model import Identity, node_from
from dagset.observe import Change, Observation, judge, observe
from dagset.observe.facts import PodSeen
from dagset.testing.stories import Action, Story, load_stories, node_words

HERE = Path(__file__).parent
STORIES = HERE.parent / "stories"
CLUSTER = "k8s-1.36-jobset-0.12"
KINDS = ("JobSet", "Job", "Pod")
STORY_LIMIT_S = 120
SUSPENDED_S = 4.0
QUIET_S = 3.0  # the end is followed by the pods' last words and the controllers' tidying up
POD_SPEC_KEPT = ("nodeName", "restartPolicy", "terminationGracePeriodSeconds")
ENDED = "ENDED"
Changes = queue.Queue[Change]


def main() -> None:
    """Record the named stories, or all."""
    kubeconfig, *wanted = sys.argv[1:]
    chosen = [story for story in load_stories(STORIES) if not wanted or story.name in wanted]
    with ThreadPoolExecutor(max_workers=3) as pool:
        for line in pool.map(lambda story: record(story, kubeconfig=Path(kubeconfig)), chosen):
            print(line, flush=True)


def record(story: Story, *, kubeconfig: Path) -> str:
    """Run one story, write its file, and return a line about it."""
    cluster = KubeCluster(kubeconfig)
    identity = Identity(owner="recordings", task=f"{story.name} {time.time()}")
    bundle = compile_node(node_from(node_words(story)), identity)
    changes: Changes = queue.Queue()
    streams = [watch(kind, identity=identity, cluster=cluster) for kind in KINDS]
    for kind, stream in zip(KINDS, streams, strict=True):
        threading.Thread(target=pump, args=(kind, stream, changes), daemon=True).start()
    created = cluster.create(bundle.owner, namespace=cluster.namespace)
    uid = created["metadata"]["uid"]
    somebody = Somebody(cluster, kubeconfig=kubeconfig, bundle=bundle, uid=uid)
    try:
        recorded = until_quiet(story, changes, somebody=somebody)
    finally:
        for stream in streams:
            stream.close()
        with suppress(NotFound):
            somebody.delete_owner()
    path = HERE / CLUSTER / f"{story.name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(as_line(change), separators=(",", ":")) + "\n" for change in recorded))
    return f"{story.name}: {len(recorded)} changes"


def watch(kind: str, *, identity: Identity, cluster: KubeCluster) -> Stream[Event]:
    """Watch what carries the identity, from now on; there is nothing of it yet."""
    labels = {key: value for key, value in identity.labels().items() if key == constants.IDENTITY}
    listing = cluster.list(kind, namespace=cluster.namespace, labels=labels)
    version = listing.resource_version
    return cluster.watch(kind, namespace=cluster.namespace, labels=labels, resource_version=version)


def pump(kind: str, stream: Stream[Event], changes: Changes) -> None:
    """Put every event of a stream into the queue, trimmed."""
    with closing(stream):
        for event in stream:
            if event.verb != "BOOKMARK":
                changes.put(Change(kind=kind, verb=event.verb, object=trim(kind, event.object)))
    changes.put(Change(kind=kind, verb=ENDED, object={}))


class Somebody:
    """Who does to a running node what the story tells."""

    def __init__(self, cluster: KubeCluster, *, kubeconfig: Path, bundle: Bundle, uid: str) -> None:
        self._cluster, self._kubeconfig, self._bundle, self._uid = cluster, kubeconfig, bundle, uid
        self.kind = bundle.kind

    def act(self, action: Action, running: list[PodSeen]) -> None:
        """Do one thing."""
        pod = next((pod for pod in running if (pod.role, pod.index) == (action.role, action.index)), None)
        if action.do == "delete":
            self.delete_owner()
        elif action.do == "suspend":
            self._suspend(True)
            time.sleep(SUSPENDED_S)
            self._suspend(False)
        elif pod is not None and action.do == "delete_pod":
            self._cluster.delete("Pod", namespace=self._cluster.namespace, name=pod.name, uid=pod.uid)
        elif pod is not None:
            self._evict(pod.name)

    def _suspend(self, suspend: bool) -> None:
        bundle, body = self._bundle, {"spec": {"suspend": suspend}}
        self._cluster.patch(bundle.kind, namespace=self._cluster.namespace, name=bundle.name, body=body)

    def delete_owner(self) -> None:
        """Delete the Job or JobSet and all below it."""
        bundle, namespace = self._bundle, self._cluster.namespace
        self._cluster.delete(bundle.kind, namespace=namespace, name=bundle.name, uid=self._uid)

    def pods_at_once(self) -> int:
        """Return how many pods run together."""
        jobs = self._bundle.owner["spec"].get("replicatedJobs")
        specs = [job["template"]["spec"] for job in jobs] if jobs else [self._bundle.owner["spec"]]
        return sum(int(spec["parallelism"]) for spec in specs)

    def _evict(self, pod: str) -> None:
        namespace = self._cluster.namespace
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        command = [os.environ.get("KUBECTL", "kubectl"), "--kubeconfig", str(self._kubeconfig), "create", "-f", "-"]
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
        subprocess.run(
            [*command, "--raw", path], input=json.dumps(eviction), text=True, check=True, stdout=subprocess.DEVNULL
        )


def until_quiet(story: Story, changes: Changes, *, somebody: Somebody) -> list[Change]:
    """Return all changes until the node has ended and nothing more came for a while; act in between as told."""
    seen, recorded, to_do = Observation(kind=somebody.kind), [], list(story.actions)
    limit = time.monotonic() + STORY_LIMIT_S
    while time.monotonic() < limit:
        try:
            change = changes.get(timeout=QUIET_S)
        except queue.Empty:
            if judge(seen) is not None:
                return recorded
            continue
        if change.verb == ENDED:
            raise RuntimeError(f"{story.name}: the watch of {change.kind} ended too early, record it again")
        recorded.append(change)
        seen = observe(seen, change)
        running = [pod for pod in seen.pods.values() if pod.phase == "Running"]
        if to_do and len(running) == somebody.pods_at_once():
            somebody.act(to_do.pop(0), running)
    raise TimeoutError(f"{story.name} has not ended after {STORY_LIMIT_S} s")


def trim(kind: str, obj: dict[str, Any]) -> dict[str, Any]:
    """Return the object without what makes it large and nobody reads again: pod templates, container details."""
    obj["metadata"].pop("managedFields", None)
    for said in ("labels", "annotations"):  # some of which are told twice
        kept = obj["metadata"].get(said, {}).items()
        obj["metadata"][said] = {key: value for key, value in kept if is_told_here_only(key, said=said)}
    spec, status = obj.get("spec", {}), obj.get("status", {})
    spec.pop("template", None)
    for replicated in spec.get("replicatedJobs", []):
        replicated["template"]["spec"].pop("template", None)
    if kind == "Pod":
        obj["spec"] = {key: value for key, value in spec.items() if key in POD_SPEC_KEPT}
        for container in status.get("containerStatuses", []):
            for detail in (
                "resources",
                "allocatedResources",
                "volumeMounts",
                "user",
                "image",
                "imageID",
                "containerID",
            ):
                container.pop(detail, None)
    return obj


def is_told_here_only(key: str, *, said: str) -> bool:
    """Whether a label or annotation is neither an old spelling of another nor the copy of a label."""
    return "/" in key and not (said == "annotations" and key.startswith("jobset.sigs.k8s.io/"))


def as_line(change: Change) -> dict[str, Any]:
    """Return the change as it is written."""
    return {"kind": change.kind, "verb": change.verb, "object": change.object}


if __name__ == "__main__":
    main()
