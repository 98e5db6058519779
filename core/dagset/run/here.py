"""Whose node a command or a script on this machine runs."""

import getpass
import os
import socket
from pathlib import Path

from dagset.model import Identity

__all__ = ["identity_here"]


def identity_here(path: Path, *, task: str) -> Identity:
    """Return the identity of this user's and host's node: of a file (or folder) by its real path, and by its name."""
    return Identity(owner=f"{_user()}@{socket.gethostname()}:{path.resolve()}", task=task)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in many containers
        return f"uid-{os.getuid()}"
