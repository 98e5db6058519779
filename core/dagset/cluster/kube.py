"""The Cluster that speaks to a real API server, and to the local one: the same REST, the same code."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from dagset.cluster import answers, wire
from dagset.cluster.access import Access, in_cluster, read_kubeconfig
from dagset.cluster.lines import log_lines, split_lines
from dagset.cluster.protocol import Event, Labels, Listing, Manifest, Propagation, Stream
from dagset.cluster.transport import ANSWER_S, HttpStream, Transport

__all__ = ["KubeCluster"]

# The real server sends a bookmark about once a minute on every watch (kubernetes: apiserver/pkg/storage/cacher). Two
# missed ones mean that nobody is there any more. A server that sends none is only asked again that often.
WATCH_SILENCE_S = 130.0


class KubeCluster:
    """Implements `Cluster` over HTTPS. A watch ends by itself after half an hour, or when silent for too long."""

    def __init__(
        self,
        kubeconfig: Path | Access,
        *,
        context: str | None = None,
        namespace: str | None = None,
        describe: str | None = None,
        revive: Callable[[], None] | None = None,
        watch_silence_s: float = WATCH_SILENCE_S,
    ) -> None:
        """Read the kubeconfig, ask the server nothing yet; raises `DagsetError` when the file leads nowhere.

        `revive` is called when nobody listens at the server's address, before the request is sent once more.
        """
        self._watch_silence_s = watch_silence_s
        access = kubeconfig if isinstance(kubeconfig, Access) else read_kubeconfig(kubeconfig, context=context)
        self._transport = Transport(access, revive=revive)
        self.describe, self.namespace = describe or access.describe, namespace or access.namespace

    @classmethod
    def in_cluster(cls, *, namespace: str | None = None) -> "KubeCluster":
        """Return the cluster that this very pod runs in."""
        return cls(in_cluster(), namespace=namespace)

    def create(self, manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Manifest:
        """See `Cluster.create`."""
        return self._transport.answer(wire.create(manifest, namespace=namespace, dry_run=dry_run))

    def get(self, kind: str, *, namespace: str, name: str) -> Manifest:
        """See `Cluster.get`."""
        return self._transport.answer(wire.get(kind, namespace=namespace, name=name))

    def document(self, path: str) -> Manifest:
        """See `Cluster.document`."""
        return self._transport.answer(wire.document(path))

    def now(self) -> float:
        """See `Cluster.now`."""
        return self._transport.now()

    def list(self, kind: str, *, namespace: str, labels: Labels, fields: Mapping[str, str] | None = None) -> Listing:
        """See `Cluster.list`; items get the apiVersion and kind that the server leaves out in lists."""
        told = self._transport.answer(wire.list_(kind, namespace=namespace, labels=labels, fields=fields))
        head = {"apiVersion": told["apiVersion"], "kind": kind}
        return Listing([{**head, **item} for item in told["items"] or []], told["metadata"]["resourceVersion"])

    def watch(self, kind: str, *, namespace: str, labels: Labels, resource_version: str) -> Stream[Event]:
        """See `Cluster.watch`; is connected when it returns, so that weather shows here."""
        request = wire.watch(kind, namespace=namespace, labels=labels, resource_version=resource_version)
        response = self._transport.open(request, silence_s=self._watch_silence_s)

        def events(pieces: Iterator[bytes]) -> Iterator[Event]:
            return (answers.event(line, what=request.what) for line in split_lines(pieces))

        return HttpStream(response, events, what=request.what, silence_is_the_end=True)

    def patch(self, kind: str, *, namespace: str, name: str, body: Manifest) -> Manifest:
        """See `Cluster.patch`."""
        return self._transport.answer(wire.patch(kind, namespace=namespace, name=name, body=body))

    def delete(
        self, kind: str, *, namespace: str, name: str, uid: str, propagation: Propagation = "Foreground"
    ) -> None:
        """See `Cluster.delete`."""
        self._transport.answer(wire.delete(kind, namespace=namespace, name=name, uid=uid, propagation=propagation))

    def logs(
        self, *, namespace: str, pod: str, follow: bool, since_time: str | None = None, tail: int | None = None
    ) -> Stream[str]:
        """See `Cluster.logs`; asked when first iterated, since the server is silent until the pod says something."""
        request = wire.logs(namespace=namespace, pod=pod, follow=follow, since_time=since_time, tail=tail)
        silence_s = None if follow else ANSWER_S  # a pod may be silent for hours; TCP keep-alive notices a dead peer
        return HttpStream(lambda: self._transport.open(request, silence_s=silence_s), log_lines, what=request.what)
