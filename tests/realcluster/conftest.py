"""A cluster of their own for the tests of the harness, so that they meet nobody else's."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.realcluster.fixtures import cluster_of, harness, must_run_here


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory that no cluster has used; pytest's own paths are too long for sockets."""
    must_run_here()
    parent = Path(tempfile.mkdtemp(prefix="dagset-", dir="/tmp"))
    yield parent / "state"
    harness("down", state=parent / "state")
    shutil.rmtree(parent)


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Path]:
    """State directory of a cluster that is up."""
    must_run_here()
    parent = Path(tempfile.mkdtemp(prefix="dagset-", dir="/tmp"))
    with cluster_of(parent / "state"):
        yield parent / "state"
    shutil.rmtree(parent)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory of one's own, with a path that a state directory may have."""
    with tempfile.TemporaryDirectory(prefix="dagset-", dir="/tmp") as path:
        yield Path(path)
