"""The seam to the world: nine verbs on plain dicts. `kube` implements it, `testing.fake_cluster` plays it.

Everything else of dagset that touches a cluster takes a `Cluster` and raises the errors of `dagset.errors`:
an answer (`ClusterRefused` and below) is final, weather (`ClusterUnreachable`) may pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

__all__ = ["Cluster", "Event", "Labels", "Listing", "Manifest", "Propagation", "Stream", "Verb"]

Manifest = dict[str, Any]
Verb = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
# A selection by labels, all of which an object carries with this value; of a tuple, with one of these values.
Labels = Mapping[str, str | tuple[str, ...]]
Propagation = Literal["Foreground", "Background", "Orphan"]
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list found, and the resource version from which a watch goes on without a gap."""

    items: list[Manifest]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch. A BOOKMARK's object holds nothing but kind and metadata.resourceVersion."""

    verb: Verb
    object: Manifest


class Stream(Iterator[T_co], Protocol[T_co]):
    """An iterator over something that the server sends bit by bit, perhaps for hours."""

    def close(self) -> None:
        """End the iteration, also from another thread while it waits; a second time does nothing."""


class Cluster(Protocol):
    """One API server as one user sees it. Methods may be called from several threads at once.

    `kind` is a key of `constants.API_VERSIONS`. Every method raises `ClusterRefused` or a subclass for an answer that
    is no, and `ClusterUnreachable` when there was no answer or only weather; nothing is repeated in here.
    """

    @property
    def describe(self) -> str:
        """Name the cluster for a person: `local cluster`, `https://10.0.0.1:6443 (context c)`."""

    @property
    def namespace(self) -> str:
        """Return the namespace that is meant when the user names none."""

    def create(self, manifest: Manifest, *, namespace: str, dry_run: bool = False) -> Manifest:
        """Create the object and return it as stored; raises `AlreadyExists` on a taken name (also one on its way out).

        Unknown and repeated fields are refused: a server that does not know a field would drop it silently. With
        `dry_run` all is done (rights, admission, validation, the name) but nothing is stored.
        """

    def get(self, kind: str, *, namespace: str, name: str) -> Manifest:
        """Return the object; raises `NotFound`."""

    def document(self, path: str) -> Manifest:
        """Return a document that is no object, such as `/version`; raises `NotFound`."""

    def now(self) -> float:
        """Return the server's time in seconds since the epoch, a second or so behind; ours before its first answer."""

    def list(self, kind: str, *, namespace: str, labels: Labels, fields: Mapping[str, str] | None = None) -> Listing:
        """Return all objects that carry all these labels; raises `UnknownKind` if the cluster does not know it.

        `fields` asks for values at paths that the server can select by (`involvedObject.uid` of an Event).
        """

    def watch(self, kind: str, *, namespace: str, labels: Labels, resource_version: str) -> Stream[Event]:
        """Stream the changes after `resource_version`, BOOKMARKs among them.

        The stream ends when the server ends it or has been silent for too long: go on from the last resource version
        seen. Raises `Gone` (now or while iterating) when that version is too old: list again.
        """

    def patch(self, kind: str, *, namespace: str, name: str, body: Manifest) -> Manifest:
        """Merge `body` into the object (RFC 7386: null removes, lists are replaced) and return the result."""

    def delete(
        self, kind: str, *, namespace: str, name: str, uid: str, propagation: Propagation = "Foreground"
    ) -> None:
        """Ask for deletion, if the object still has this uid; it may stay for a while, with a deletionTimestamp.

        Raises `NotFound`, and `ClusterRefused` (409) when the name now belongs to another uid.
        """

    def logs(
        self, *, namespace: str, pod: str, follow: bool, since_time: str | None = None, tail: int | None = None
    ) -> Stream[str]:
        """Stream the main container's lines without line ends, each as `<RFC 3339 nanoseconds> <text>`.

        `since_time` (RFC 3339; the server looks at whole seconds only) leaves out older lines, `tail` all but the last
        ones. Raises `ClusterRefused` (400) for a container that has not started.
        """
