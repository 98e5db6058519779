"""Runs the controllers and the kubelet over the store: wakes them when something changed, writes what they want."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dagset.local.controllers.admitting import ADMITTED, admitted_at_once
from dagset.local.controllers.changes import Changes, Object, earliest
from dagset.local.controllers.job import reconcile_job
from dagset.local.controllers.jobpods import is_tracked, released
from dagset.local.controllers.jobset import reconcile_jobset
from dagset.local.controllers.workqueue import Key, WorkQueue
from dagset.local.creation import as_created, create_all, words_of
from dagset.local.events import event_about
from dagset.local.host import host_node
from dagset.local.kubelet.agent import Kubelet
from dagset.local.objects import key_of
from dagset.local.quota import quota_status
from dagset.local.store import Store

__all__ = ["Manager"]

_CHILDREN = {"Job": "Pod", "JobSet": "Job"}
_WAKING = {"Job": ("Pod",), "JobSet": ("Job", "Service")}
_TELLER = {"Job": "job-controller", "JobSet": "jobset"}
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.2, 10.0
_FIRST_CREATION_RETRY_S = 1.0
_REST = 2.0  # after a turn, an object rests so many times as long as the turn took: big Jobs leave room for others

logger = logging.getLogger(__name__)


class Manager:
    """The acting side of the local cluster: `run` until `stop`."""

    def __init__(self, store: Store, state_dir: Path, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._queue = WorkQueue()
        self._failures: dict[Key, int] = {}
        self._refusals: dict[Key, int] = {}
        self._working: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._stopped = asyncio.Event()
        self.kubelet = Kubelet(store, state=state_dir, now=now)

    async def run(self) -> None:
        """Work until cancelled, then `stop`; an error in one object's turn is logged and tried again."""
        await self.start()
        try:
            await self._stopped.wait()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Take up the work that is in the store, and go on in the background; who calls this calls `stop`."""
        node = host_node(now=self._now())
        if self._store.get("Node", "", node["metadata"]["name"]) is None:
            self._store.create("Node", node)
        self._unsubscribe = self._store.subscribe(self._notice)
        await self.kubelet.start()
        for kind in (*_CHILDREN, "ResourceQuota"):
            for thing in self._store.list(kind)[0]:
                self._queue.add((kind, thing["metadata"]["namespace"], thing["metadata"]["name"]))
        self._release_orphans(self._store.list("Pod")[0])
        self._working = asyncio.create_task(self._work(), name="controllers")

    async def stop(self) -> None:
        """Stop the controllers, then end all pods, as disrupted; the next start goes on from there."""
        if self._working is None:
            return
        working, self._working = self._working, None
        working.cancel()
        await asyncio.wait([working])
        await self.kubelet.stop()
        self._unsubscribe()
        self._stopped.set()

    def capabilities(self) -> dict[str, str | bool]:
        """Say what pods have on this machine."""
        return self.kubelet.capabilities()

    def _notice(self, verb: str, kind: str, thing: Object) -> None:
        self.kubelet.notice(verb, kind, thing)
        metadata = thing["metadata"]
        if kind in _CHILDREN or kind == "ResourceQuota":
            self._queue.add((kind, metadata["namespace"], metadata["name"]))
        if kind not in ("Event", "ResourceQuota") and "namespace" in metadata:
            for quota in self._store.list("ResourceQuota", metadata["namespace"])[0]:
                self._queue.add(("ResourceQuota", metadata["namespace"], quota["metadata"]["name"]))
        if kind == "Job" and verb == "DELETED":
            self._queue.add(("orphans", "", metadata["uid"]))
        for owner in metadata.get("ownerReferences") or []:
            if kind in _WAKING.get(owner["kind"], ()):
                self._queue.add((owner["kind"], metadata["namespace"], owner["name"]))

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            began = time.perf_counter()
            try:
                self._turn(key)
                self._failures.pop(key, None)
            except Exception:
                self._failures[key] = failures = self._failures.get(key, 0) + 1
                wait_s = min(_FIRST_RETRY_S * 2.0 ** min(failures - 1, 10), _LONGEST_RETRY_S)
                logger.exception("%s %s/%s: its turn failed; tried again in %.1f s", *key, wait_s)
                self._queue.add(key, after_s=wait_s)
            self._queue.rest(key, seconds=_REST * (time.perf_counter() - began))
            await asyncio.sleep(0)  # a full queue does not wait, so others would

    def _turn(self, key: Key) -> None:
        kind, namespace, name = key
        if kind == "orphans":
            self._release_orphans([thing for kind, thing in self._store.owned_by(name) if kind == "Pod"])
            self._queue.forget(key)
        elif (thing := self._store.get(kind, namespace, name)) is None:
            self._queue.forget(key)
            self._refusals.pop(key, None)
        elif kind == "ResourceQuota":
            status = quota_status(thing, things=lambda kind: self._store.list(kind, namespace)[0])
            self._store.update(kind, {**thing, "status": status})
        elif (admitted := admitted_at_once(thing)) is not None:
            logger.info("%s %s/%s: %s", *key, ADMITTED)
            self._tell(thing, reason="Started", message=ADMITTED, type_="Normal", by="dagset-local")
            self._store.update(kind, admitted)
        else:
            self._reconcile(key, thing=thing)

    def _reconcile(self, key: Key, *, thing: Object) -> None:
        changes = self._wanted(key[0], thing=thing)
        refused = create_all(self._store, changes.create)
        self._apply(key[0], thing=thing, changes=as_created(changes, thing=thing, refused=refused))
        for problem in refused[:1]:
            self._tell(thing, **words_of(problem), by=_TELLER[key[0]])
        waits = [changes.wake_s, self._retry_s(key, is_refused=bool(refused))]
        if (wake_s := earliest(waits)) is not None:
            self._queue.add(key, after_s=wake_s)

    def _retry_s(self, key: Key, *, is_refused: bool) -> float | None:
        """Give the seconds until what was refused is tried again: 1, 2, 4... as the real controllers do."""
        if not is_refused:
            self._refusals.pop(key, None)
            return None
        self._refusals[key] = times = self._refusals.get(key, 0) + 1
        return min(_FIRST_CREATION_RETRY_S * 2.0 ** min(times - 1, 10), _LONGEST_RETRY_S)

    def _tell(self, about: Object, *, reason: str, message: str, by: str, type_: str = "Warning") -> None:
        namespace, uid = about["metadata"]["namespace"], about["metadata"]["uid"]
        known = [one for one in self._store.list("Event", namespace)[0] if one["involvedObject"].get("uid") == uid]
        words = {"reason": reason, "message": message, "by": by, "type_": type_}
        event = event_about(about, **words, known=known, now=self._now())
        is_known = self._store.get("Event", namespace, event["metadata"]["name"]) is not None
        (self._store.update if is_known else self._store.create)("Event", event)

    def _wanted(self, kind: str, *, thing: Object) -> Changes:
        owned = self._store.owned_by(thing["metadata"]["uid"])
        children = [child for child_kind, child in owned if child_kind == _CHILDREN[kind]]
        now = datetime.fromtimestamp(self._now(), UTC)
        if kind == "Job":
            return reconcile_job(thing, pods=children, now=now)
        return reconcile_jobset(thing, jobs=children, now=now)

    def _apply(self, kind: str, *, thing: Object, changes: Changes) -> None:
        if changes.status is not None:
            self._store.update(kind, {**thing, "status": changes.status})
        for changed in changes.update:
            self._store.update(changed["kind"], changed)
        for doomed in changes.delete:
            metadata = doomed["metadata"]
            propagation = "Foreground" if doomed["kind"] == "Job" else None
            place = (doomed["kind"], metadata["namespace"], metadata["name"])
            self._store.delete(*place, uid=metadata["uid"], propagation=propagation)
        if changes.settled is not None and (now := self._store.get(kind, *key_of(thing))) is not None:
            self._store.update(kind, {**now, "status": changes.settled})

    def _release_orphans(self, pods: list[Object]) -> None:
        """Let pods go whose Job is gone: nobody is left to count them."""
        for pod in pods:
            owners = [owner for owner in pod["metadata"].get("ownerReferences") or [] if owner["kind"] == "Job"]
            jobs = [self._store.get("Job", pod["metadata"]["namespace"], owner["name"]) for owner in owners]
            is_owned = any(
                job is not None and job["metadata"]["uid"] == owner["uid"]
                for job, owner in zip(jobs, owners, strict=True)
            )
            if is_tracked(pod) and not is_owned:
                self._store.update("Pod", released(pod))
