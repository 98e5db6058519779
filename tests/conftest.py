"""What every test may use."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.realcluster.place import place

pytest_plugins = [
    "tests.airflow.fixtures",
    "tests.airflow.stack.fixture",
    "tests.realcluster.fixtures",
    "tests.realcluster.argofixtures",  # after what it imports
    "tests.realcluster.restricted",
    "tests.snakemake.fixtures",
]


TOLD_AGAIN = "told again"
# Tests of these start processes of their own (daemons, engines, examples): `make check` leaves them to `make test`.
STARTING_PROCESSES = (
    "airflow/test_clusters.py",
    "airflow/test_endings.py",
    "airflow/test_operators.py",
    "airflow/test_registration.py",
    "core/cluster/test_kube_contract.py",
    "core/local/test_api_kubernetes_client.py",
    "core/local/test_daemon.py",
    "core/local/test_kubelet_pods.py",
    "core/local/test_manager.py",
    "examples",
    "hera/test_schema.py",
    "hera/test_task.py",
    "realcluster/test_fixtures.py",
    "snakemake/test_pod.py",
    "snakemake/test_registration.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Have Ctrl-C mean what it means at a terminal: a shell starts what it runs in the background with it ignored.

    And give each of several processes a shared real cluster of its own: else one would end that of another.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if worker := getattr(config, "workerinput", None):
        os.environ["DAGSET_REALCLUSTER_STATE"] = f"{place().state}-{worker['workerid']}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes as `cluster`."""
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here).as_posix()
        if path.startswith(STARTING_PROCESSES):
            item.add_marker(pytest.mark.cluster)
        if "real_cluster" in getattr(item, "fixturenames", ()) and group_of(item.nodeid) not in ON_REAL_CLUSTERS:
            raise pytest.UsageError(f"{item.nodeid} needs a real cluster: have GROUPS in {__file__} say so")
    items.sort(key=lambda item: "soak/" not in item.nodeid)  # it wants the machine, and later the stories do


# Who shares a process when `make test` runs several: each group starts clusters of its own, and mostly waits for them.
# By names, for xdist's controller knows nothing else of a test.
GROUPS = (
    (
        "the real cluster",
        re.compile(
            r"stories/.*real_cluster|test_kube_contract"
            r"|realcluster/test_(check|devices|doctor|mirrored|rights|schedulers|submit_)"
        ),
    ),
    ("engines and examples on the real cluster", re.compile(r"real_cluster")),
    ("real clusters of their own", re.compile(r"realcluster/")),
    ("a whole Airflow", re.compile(r"airflow/test_stack")),
    ("stories on the local cluster", re.compile(r"stories/.*local_cluster")),
    ("all else", re.compile("")),
)


ON_REAL_CLUSTERS = [name for name, _ in GROUPS[:2]]


def group_of(nodeid: str) -> str:
    """Return the first group that a test's name is of."""
    return next(group for group, names in GROUPS if names.search(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give each group a process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which stories were right only when nothing else ran."""
    reports = [report for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    names = [name for report in reports for word, name in report.user_properties if word == TOLD_AGAIN]
    if names:
        terminalreporter.write_line(f"TOLD AGAIN, alone, after they ended otherwise among others: {', '.join(names)}")


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
