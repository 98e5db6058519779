"""For the tests of the harness a cluster of their own; for the others a namespace of their own on the shared one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagset.cluster.protocol import Cluster
from dagset.run import open_cluster
from tests.realcluster.fixtures import cluster_of, harness, must_run_here
from tests.realcluster.restricted import namespace_of


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


@pytest.fixture(scope="module")
def namespace(real_cluster: Path) -> Iterator[str]:
    """A namespace of the module's own."""
    with namespace_of(real_cluster) as name:
        yield name


@pytest.fixture(scope="module")
def cluster(real_cluster: Path, namespace: str) -> Cluster:
    """The shared cluster, at that namespace."""
    return open_cluster(str(real_cluster), namespace=namespace)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory of one's own, with a path that a state directory may have."""
    with tempfile.TemporaryDirectory(prefix="dagset-", dir="/tmp") as path:
        yield Path(path)
