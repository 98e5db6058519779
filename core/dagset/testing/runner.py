"""Run a story on a cluster: submit its node, do what somebody else does to it, follow it to its Outcome, clean up."""

from typing import Any

from dagset.cluster.protocol import Cluster
from dagset.model import Identity, Ref, node_from
from dagset.observe import Observation, Outcome, phase_of
from dagset.observe.facts import PodSeen
from dagset.run.follow import follow
from dagset.run.release import cancel
from dagset.run.submit import submit
from dagset.testing.stories import Action, Story, node_words

__all__ = ["Somebody", "run_story"]


def run_story(story: Story, *, cluster: Cluster, namespace: str, run: str) -> Outcome:
    """Return how the story's node ended. Nothing of it is left on the cluster afterwards.

    `run` tells two runs of the same story apart.
    """
    identity = Identity(owner="dagset stories", run=run, task=story.name)
    submitted = submit(node_from(node_words(story)), identity, cluster=cluster, namespace=namespace)
    somebody = Somebody(story, submitted.ref, owner=submitted.owner, cluster=cluster)
    try:
        return follow(submitted.ref, cluster=cluster, on_change=somebody.look)
    finally:
        cancel(submitted.ref, cluster=cluster)


class Somebody:
    """Does the story's actions to the node, one by one, each when all pods run that run together."""

    def __init__(self, story: Story, ref: Ref, *, owner: dict[str, Any], cluster: Cluster) -> None:
        self._ref, self._cluster = ref, cluster
        self._pods_at_once = pods_at_once(owner)
        self._waiting = list(story.actions)
        self._suspended = False

    def look(self, seen: Observation) -> None:
        """Act when it is time; what was suspended is resumed when its pods are gone."""
        if self._suspended and all(pod.ended for pod in seen.pods.values()) and phase_of(seen).name == "queued":
            self._suspend(False)
        running = [pod for pod in seen.pods.values() if pod.phase == "Running" and not pod.deleting]
        if self._waiting and len(running) == self._pods_at_once:
            self._act(self._waiting.pop(0), running)

    def _act(self, action: Action, running: list[PodSeen]) -> None:
        ref, cluster = self._ref, self._cluster
        pod = next(pod for pod in running if (pod.role, pod.index) == (action.role, action.index))
        if action.do == "delete":
            cluster.delete(ref.kind, namespace=ref.namespace, name=ref.name, uid=ref.uid)
        elif action.do == "suspend":
            self._suspend(True)
        elif action.do == "delete_pod":
            cluster.delete("Pod", namespace=ref.namespace, name=pod.name, uid=pod.uid)
        else:
            cluster.create(
                {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod.name}}, namespace=ref.namespace
            )

    def _suspend(self, suspend: bool) -> None:
        self._suspended = suspend
        ref, body = self._ref, {"spec": {"suspend": suspend}}
        self._cluster.patch(ref.kind, namespace=ref.namespace, name=ref.name, body=body)


def pods_at_once(owner: dict[str, Any]) -> int:
    """Return how many pods of a Job or JobSet run together."""
    jobs = owner["spec"].get("replicatedJobs")
    specs = [job["template"]["spec"] for job in jobs] if jobs else [owner["spec"]]
    return sum(int(spec["parallelism"]) for spec in specs)
