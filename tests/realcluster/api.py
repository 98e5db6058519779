"""The few requests to the API server that bringing a cluster up takes, through the relay as any client's."""

import http.client
import json
import ssl
from pathlib import Path

from tests.realcluster.place import HarnessError

_APPLY = "application/apply-patch+yaml"  # server-side apply; takes YAML, so manifests go as they stand
_MERGE = "application/merge-patch+json"


class Api:
    """The API server at 127.0.0.1:port, as the administrator of this pki directory."""

    def __init__(self, port: int, *, pki: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> dict | None:
        """The object; None when there is none (yet), or nobody answers (yet)."""
        try:
            status, body = self._request("GET", path)
        except OSError:
            return None
        return body if status == 200 else None

    def apply(self, path: str, *, manifest: str) -> None:
        """Create or change the object at this path to what the YAML says."""
        self._must("PATCH", f"{path}?fieldManager=dagset&force=true", manifest, content_type=_APPLY)

    def merge(self, path: str, *, change: dict) -> None:
        self._must("PATCH", path, json.dumps(change), content_type=_MERGE)

    def delete(self, path: str) -> None:
        self._must("DELETE", path, "{}", content_type="application/json")

    def dry_run(self, path: str, *, manifest: dict) -> dict:
        """What the server would store if it were asked to create this: every webhook is asked, nothing is stored.

        Instead of the object a Status with `message` when the server would refuse; {} when nobody answers.
        """
        try:
            return self._request("POST", f"{path}?dryRun=All", json.dumps(manifest))[1]
        except OSError:
            return {}

    def _must(self, method: str, path: str, body: str, *, content_type: str) -> None:
        status, answer = self._request(method, path, body, content_type=content_type)
        if status >= 300:
            raise HarnessError(f"kube-apiserver refused {method} {path} with HTTP {status}: {answer.get('message')}")

    def _request(
        self, method: str, path: str, body: str | None = None, *, content_type: str = "application/json"
    ) -> tuple[int, dict]:
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=15, context=self._context)
        try:
            connection.request(method, path, body, {"Content-Type": content_type, "Accept": "application/json"})
            response = connection.getresponse()
            text = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        return response.status, json.loads(text) if text[:1] == b"{" else {}
