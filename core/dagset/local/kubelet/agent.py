"""The kubelet: one worker that looks after the pods which changed, and the pod host at its side."""

import asyncio
import contextlib
import logging
import shutil
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from dagset.local.controllers.changes import Object, is_deleting
from dagset.local.kubelet.hostlink import Event, HostLink
from dagset.local.kubelet.podlife import OVER, PodLife
from dagset.local.kubelet.podrecord import PodRecord, PodStore
from dagset.local.kubelet.preparation import Preparation
from dagset.local.kubelet.scheduling import this_machine

__all__ = ["Kubelet", "PodStore"]

Key = tuple[str, str, str]  # kind, namespace, name
_LONGEST_STOP_S = 5.0
_RETRY_S = 1.0

logger = logging.getLogger(__name__)


class Kubelet:
    """One per state directory. `notice` may be called from the store's callback: it only wakes."""

    def __init__(self, store: PodStore, *, state: Path, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._pods_dir = state / "pods"
        self._preparation = Preparation(state=state, machine=this_machine(socket.gethostname(), disk=state))
        node_name, directory = self._preparation.node_name, self._preparation.pod_dir
        self._record = PodRecord(store, node_name=node_name, directory=directory, now=now)
        self._life = PodLife(self._record, preparation=self._preparation, tell=self._tell, awaits=self._await)
        self._link = HostLink(on_event=self._heard, on_lost=self._lost_host)
        self._host: Event | None = None
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._waiting_for: defaultdict[Key, set[Key]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    async def start(self) -> None:
        """Start the pod host, mark pods of an earlier life as lost, and take up what is pending."""
        self._life.lose_all()
        pods = self._store.list("Pod")[0]
        self._drop_directories(keep={pod["metadata"]["uid"] for pod in pods})
        await self._start_host()
        self._spawn(self._work())
        self._wake_all(pods)

    async def stop(self) -> None:
        """End all pods, as disrupted: SIGTERM, at most five seconds, SIGKILL. Returns when none is left."""
        self._is_stopping = True
        self._life.disrupt_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_STOP_S):
                await self._life.nothing_runs.wait()
        await self._link.close()
        self._life.lose_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def notice(self, verb: str, kind: str, thing: Object) -> None:
        """Be told of a change in the store."""
        metadata = thing["metadata"]
        key = (kind, metadata.get("namespace", ""), metadata["name"])
        if kind == "Pod" and verb == "DELETED":
            self._life.kill(metadata["uid"])
        elif kind == "Pod":
            self._wake(key)
        elif kind in ("Job", "JobSet") and verb == "DELETED":
            self._life.owner_is_gone(metadata["uid"])
        for pod in self._waiting_for.pop(key, ()):
            self._wake(pod)

    def capabilities(self) -> dict[str, str | bool]:
        """Say what pods have on this machine, for people and for `doctor`."""
        host = self._host or {"namespaces": None, "why": "the pod host is not running"}
        return {
            "peer_host_names": host["namespaces"] is not None,
            "peer_host_names_by": f"{host['namespaces']} namespace" if host["namespaces"] else f"none: {host['why']}",
            "volumes": "mounted" if host["namespaces"] else "by rewriting paths in env, command and args",
            "memory_limit": True,
            "memory_limit_by": "measuring the processes, five times a second",
            "ephemeral_storage_limit": False,
            "images": False,
        }

    async def _start_host(self) -> None:
        self._host = await self._link.start(probe_hosts=self._preparation.probe_hosts())
        self._life.use(mode=self._host["namespaces"])

    def _tell(self, order: Event) -> None:
        self._link.tell(order)

    def _heard(self, event: Event) -> None:
        try:
            self._life.heard(event)
        except Exception:
            logger.exception("what the pod host said of pod %s could not be noted: %s", event["id"], event["event"])

    def _lost_host(self) -> None:
        logger.error("the pod host ended by itself; its pods ended with it, and count as disrupted")
        self._host = None
        self._life.lose_all()
        self._link = HostLink(on_event=self._heard, on_lost=self._lost_host)
        self._spawn(self._start_host_again())

    async def _start_host_again(self) -> None:
        await asyncio.sleep(_RETRY_S)
        await self._start_host()
        self._wake_all(self._store.list("Pod")[0])

    def _await(self, pod: Object, missing: tuple[str, str]) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        place = "" if missing[0] == "Node" else namespace
        self._waiting_for[missing[0], place, missing[1]].add(("Pod", namespace, name))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="kubelet")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _drop_directories(self, *, keep: set[str]) -> None:
        for path in self._pods_dir.glob("*"):
            if path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)

    def _wake_all(self, pods: list[Object]) -> None:
        for pod in pods:
            self._wake(("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def _wake(self, key: Key) -> None:
        if key not in self._queued:
            self._queued.add(key)
            self._queue.put_nowait(key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._queued.discard(key)
            try:
                self._look_after(key)
            except Exception:
                logger.exception("pod %s/%s: its turn failed; it has another one in a second", key[1], key[2])
                asyncio.get_running_loop().call_later(_RETRY_S, self._wake, key)
            await asyncio.sleep(0)  # a full queue does not wait, so others would

    def _look_after(self, key: Key) -> None:
        pod = self._store.get(*key)
        if pod is None or self._is_stopping or self._host is None:
            return
        if pod["status"]["phase"] in OVER:
            self._record.remove_if_asked(pod)
        elif is_deleting(pod):
            self._life.stop(pod)
        elif pod["status"]["phase"] == "Pending":
            self._life.start(pod)
