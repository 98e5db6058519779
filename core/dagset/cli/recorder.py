"""Takes note of a node's pods as they are seen: their lives, and the last lines of those that are read."""

from collections import deque
from typing import Any

from dagset.cluster.protocol import Cluster
from dagset.model import Ref
from dagset.report.tracks import Track, track_of
from dagset.run.logs import LogStream

__all__ = ["Recorder"]

LINES_KEPT, LINE_KEPT = 40, 300
ENDED = ("succeeded", "failed", "disrupted")


class Recorder(LogStream):
    """Keeps the life of every pod that it is fed with, and the last lines of those that it reads."""

    def __init__(self, cluster: Cluster, *, ref: Ref, reads: bool) -> None:
        super().__init__(cluster, ref=ref, sink=self._keep)
        self._reads, self._now = reads, cluster.now
        self.tracks: dict[str, Track] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, deque[str]] = {}

    def feed(self, pod: dict[str, Any], *, gone: bool = False) -> None:
        """See `LogStream.feed`."""
        uid = pod["metadata"]["uid"]
        if (
            uid not in self.tracks or self.tracks[uid].end not in ENDED
        ):  # its first word: later it is being cleared away
            self.tracks[uid] = track_of(pod, gone_at=self._now() if gone else None)
        if self._reads:
            super().feed(pod, gone=gone)
        else:
            self.pods[uid] = pod

    def read(self, uid: str) -> None:
        """Read the lines of a pod that was only recorded so far."""
        super().feed(self.pods[uid])

    def _keep(self, prefix: str, line: str) -> None:
        self.lines.setdefault(prefix, deque(maxlen=LINES_KEPT)).append(line[:LINE_KEPT])
