"""A machine for tests of the kubelet: a store with a kubelet at work on it, and real processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dagset.local.kubelet.agent import Kubelet
from dagset.local.store import Store
from tests.core.local.waiting import until

Object = dict[str, Any]
PATIENCE_S = 30.0


class Machine:
    """A store with a kubelet at work on it."""

    def __init__(self, store: Store, state: Path) -> None:
        self.store, self.state = store, state
        self.kubelet = Kubelet(store, state=state)

    def create(self, name: str, *command: str, **more: Any) -> Object:
        container = {"name": "main", "image": "x", "command": [*command], **more.pop("container", {})}
        others = more.pop("others", [])
        container = {key: value for key, value in container.items() if value is not None}
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
        metadata = {"name": name, "namespace": "default", **more.pop("metadata", {})}
        spec = {"restartPolicy": "Never", "containers": [container, *others], **more}
        return self.store.create("Pod", {"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}})

    async def until(self, is_true: Callable[[], Any]) -> Any:
        """Wait for a change of the store after which this gives something."""
        return await until(self.store, is_true, patience_s=PATIENCE_S)

    async def phase(self, name: str, *phases: str) -> Object:
        """Wait until the pod is in one of these phases."""

        def there() -> Object | None:
            pod = self.store.get("Pod", "default", name)
            return pod if pod is not None and pod["status"]["phase"] in phases else None

        found: Object = await self.until(there)
        return found

    async def end_of(self, name: str) -> Object:
        """Wait until the pod is over."""
        return await self.phase(name, "Succeeded", "Failed")

    async def waits(self, name: str, reason: str) -> str:
        """Wait until the pod's first container waits for this reason; gives the message beside it."""

        def there() -> Object | None:
            statuses = (self.store.get("Pod", "default", name) or {})["status"].get("containerStatuses") or [{}]
            waiting = statuses[0].get("state", {}).get("waiting") or {}
            return waiting if waiting.get("reason") == reason else None

        return str((await self.until(there)).get("message", ""))

    async def gone(self, name: str) -> None:
        """Wait until the pod is removed."""
        await self.until(lambda: self.store.get("Pod", "default", name) is None)

    def log(self, pod: Object, container: str = "main") -> str:
        """Give what a container printed, without the times."""
        text = (self.state / "pods" / pod["metadata"]["uid"] / f"{container}.log").read_text(errors="replace")
        return "".join(line.partition(" ")[2] for line in text.splitlines(keepends=True))

    async def said(self, pod: Object, word: str, container: str = "main") -> str:
        """Wait until the pod has printed a word; it must end the line."""
        path = self.state / "pods" / pod["metadata"]["uid"] / f"{container}.log"
        async with asyncio.timeout(PATIENCE_S):
            while f"{word}\n" not in (path.read_text() if path.exists() else ""):
                await asyncio.sleep(0.01)  # nothing tells when a file grows
        return self.log(pod, container)


@asynccontextmanager
async def machine_at(path: Path) -> AsyncIterator[Machine]:
    store = Store(path / "store.db")
    machine = Machine(store, path)
    unsubscribe = store.subscribe(machine.kubelet.notice)
    await machine.kubelet.start()
    try:
        yield machine
    finally:
        await machine.kubelet.stop()
        unsubscribe()
        store.close()


def terminated(pod: Object) -> Object:
    """Give how the pod's first container ended, without the times."""
    state: Object = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return {key: value for key, value in state.items() if key not in ("startedAt", "finishedAt")}
