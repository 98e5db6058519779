"""The state directory of a local cluster: what lies where, who may use it, and which release wrote it."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dagset.local.errors import LocalClusterFailed

__all__ = ["StateDir", "default_state_dir", "held", "is_alive", "is_held", "write_private"]

# Grows when a newer release cannot read what an older one wrote.
_FORMAT = "1"


@dataclass(frozen=True)
class StateDir:
    """Where everything of one local cluster lies."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held by the daemon as long as it lives; its content is the daemon's pid."""
        return self.path / "lock"

    @property
    def start_lock(self) -> Path:
        """Held by a client while it starts a daemon."""
        return self.path / "start.lock"

    @property
    def daemon(self) -> Path:
        """JSON about the daemon, there while it serves; its mtime is when a client last asked for the cluster."""
        return self.path / "daemon.json"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig, there while the daemon serves."""
        return self.path / "kubeconfig"

    @property
    def log(self) -> Path:
        """What the daemon says."""
        return self.path / "daemon.log"

    @property
    def database(self) -> Path:
        """The objects."""
        return self.path / "objects.sqlite"

    @property
    def port(self) -> Path:
        """The last port, taken again if it is free, so that old kubeconfigs stay valid."""
        return self.path / "port"

    @property
    def token(self) -> Path:
        """The bearer token."""
        return self.path / "token"

    def prepare(self) -> None:
        """Make the directory, or check that it is ours alone and of this format.

        Raises:
            LocalClusterFailed: with what to do.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = self.path.stat()
        except OSError as error:
            problem = f"the state directory {self.path} cannot be made: {error.strerror}"
            raise LocalClusterFailed(f"{problem}; choose another one with DAGSET_STATE") from None
        if found.st_uid != os.getuid():
            raise LocalClusterFailed(
                f"the state directory {self.path} belongs to uid {found.st_uid}, not to us (uid {os.getuid()});"
                " choose another one with DAGSET_STATE"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise LocalClusterFailed(
                f"the state directory {self.path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}),"
                f" and it holds the cluster's token; run: chmod 700 {self.path}"
            )
        self._check_format()

    def _check_format(self) -> None:
        version = self.path / "version"
        try:
            found = version.read_text().strip()
        except FileNotFoundError:
            self._refuse_foreign()
            write_private(version, content=f"{_FORMAT}\n".encode())
            return
        if found != _FORMAT:
            raise LocalClusterFailed(
                f"the state directory {self.path} has format {found}, this release of dagset has {_FORMAT}: stop the"
                " cluster with the release that wrote it, then remove the directory or choose another with DAGSET_STATE"
            )

    def _refuse_foreign(self) -> None:
        """Raise when the directory holds somebody's files; another client's first draft of the version is none."""
        foreign = [each.name for each in self.path.iterdir() if not each.name.startswith(".version.")]
        if foreign and not (self.path / "version").exists():
            raise LocalClusterFailed(
                f"the state directory {self.path} holds files that are not the local cluster's ({sorted(foreign)[0]});"
                " choose an empty or a new one with DAGSET_STATE"
            )


def default_state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Give $DAGSET_STATE, else $XDG_STATE_HOME/dagset, else ~/.local/state/dagset."""
    if chosen := environment.get("DAGSET_STATE"):
        return Path(chosen).expanduser().absolute()
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "dagset"


def write_private(path: Path, *, content: bytes) -> None:
    """Write a file that only we may read, all at once: a reader sees the old content or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def held(path: Path) -> int | None:
    """Take a lock file and give its descriptor (close it to let go), or None when another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_alive(pid: int) -> bool:
    """Say whether a process with this pid runs; one that has ended and waits for its parent to notice does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:  # somebody else's
        return True
    return state != b"Z"


def is_held(path: Path) -> bool:
    """Say whether a process has the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
