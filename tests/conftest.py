"""What every test may use."""

import signal
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.airflow.fixtures",
    "tests.realcluster.fixtures",
    "tests.realcluster.restricted",
    "tests.snakemake.fixtures",
]


# Tests of these start processes of their own (daemons, engines, examples): `make check` leaves them to `make test`.
STARTING_PROCESSES = (
    "airflow/test_operators.py",
    "airflow/test_registration.py",
    "core/cluster/test_kube_contract.py",
    "core/local/test_api_kubernetes_client.py",
    "core/local/test_daemon.py",
    "core/local/test_kubelet_pods.py",
    "core/local/test_manager.py",
    "examples",
    "hera/test_schema.py",
    "realcluster/test_fixtures.py",
    "snakemake/test_registration.py",
)


def pytest_configure() -> None:
    """Have Ctrl-C mean what it means at a terminal: a shell starts what it runs in the background with it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes as `cluster`, and which tests go one after the other when `make test` runs several."""
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here).as_posix()
        if path.startswith(STARTING_PROCESSES):
            item.add_marker(pytest.mark.cluster)
        item.add_marker(pytest.mark.xdist_group(_group(path, getattr(item, "fixturenames", ()))))


def _group(path: str, fixtures: Collection[str]) -> str:
    """Return whom a test shares a process with: each group starts its own clusters, and mostly waits for them."""
    if "real_cluster" in fixtures:
        return "the real cluster"
    if path.startswith("realcluster/"):
        return "real clusters of their own"
    return "stories on the local cluster" if "on_local" in fixtures else "all else"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files; read the diff in review")


@pytest.fixture
def golden(request: pytest.FixtureRequest):
    """Compare a text with a committed file, whole; a missing file fails unless it is being written."""

    def check(path: Path, actual: str) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(actual)
        assert path.exists(), f"{path} is missing; write it with pytest --update-golden and read it"
        assert path.read_text() == actual

    return check


@pytest.fixture(scope="session")
def local_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a local cluster of this session's own; it is ended with the session."""
    from dagset.local import client

    state = tmp_path_factory.mktemp("local-cluster")
    yield client.ensure_running(state)
    client.stop(state)
