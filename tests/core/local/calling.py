"""An API server in this process, and short words for calling it."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from aiohttp.test_utils import TestClient, TestServer

from dagset.local.api import Api
from dagset.local.store import Store

NOON = 1_800_000_000.0  # 2027-01-15T08:00:00Z
TOKEN = "let-me-in"
CONFIGS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


@dataclass
class Caller:
    """Calls the server; every answer is (status, JSON)."""

    store: Store
    api: Api
    client: TestClient
    state_dir: Path

    async def __call__(self, method: str, path: str, body: Any = None, **kwargs: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **kwargs.pop("headers", {})}
        data = None if body is None else io.BytesIO(msgspec.json.encode(body))
        async with self.client.request(method, path, data=data, headers=headers, **kwargs) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def patch(self, path: str, body: Any, *, kind: str = "merge-patch", **kwargs: Any) -> tuple[int, Any]:
        """Patch with application/<kind>+json."""
        return await self("PATCH", path, body, headers={"Content-Type": f"application/{kind}+json"}, **kwargs)

    def stream(self, path: str, **params: Any) -> Any:
        """Give a response to read from as it comes; use with `async with`."""
        return self.client.get(path, params=params, headers={"Authorization": f"Bearer {TOKEN}"})


@asynccontextmanager
async def calling(directory: Path) -> AsyncIterator[Caller]:
    """Give a caller of a server on an empty store."""
    store = Store(directory / "objects.sqlite", now=lambda: NOON, history=100)
    api = Api(store, state_dir=directory, token=TOKEN, now=lambda: NOON)
    async with TestClient(TestServer(api.application())) as client:
        yield Caller(store, api, client, directory)
        store.end_watches()
    store.close()


def job(name: str = "j", *, containers: Any = None, **spec: Any) -> dict[str, Any]:
    """Give a Job that the server takes."""
    containers = containers or [{"name": "main", "image": "busybox:1"}]
    template = {"spec": {"restartPolicy": "Never", "containers": containers}}
    return {"metadata": {"name": name}, "spec": {"template": template, **spec}}


def jobset(name: str = "js", *, roles: Any = ("worker",), **spec: Any) -> dict[str, Any]:
    """Give a JobSet with these roles, whose Jobs have `spec`."""
    template = {"spec": job(**spec)["spec"]}
    replicated = [{"name": role, "replicas": 1, "template": template} for role in roles]
    return {"metadata": {"name": name}, "spec": {"replicatedJobs": replicated}}


def pod(name: str = "p", **metadata: Any) -> dict[str, Any]:
    """Give a pod that the server takes."""
    return {"metadata": {"name": name, **metadata}, "spec": {"containers": [{"name": "main", "image": "busybox:1"}]}}


def config(name: str = "c", *, data: Any = None, **metadata: Any) -> dict[str, Any]:
    """Give a ConfigMap."""
    return {"metadata": {"name": name, **metadata}, "data": data or {}}
