"""pytest plugin: the fixture `real_cluster`, for every test that wants the true controllers.

Loaded by `pytest_plugins` in tests/conftest.py. A test that uses the fixture gets the marker `realcluster` by itself.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from tests.realcluster import build, cluster, hosts, machine
from tests.realcluster.place import place

_ROOT = Path(__file__).parents[2]
_SAID = "left out: "


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[Path]:
    """Path of a kubeconfig that works on this machine, for a cluster that has proven to work.

    A cluster that was up before the session is used and left up; one that was not is taken down at the end.
    """
    must_run_here()
    was_up = harness("status").returncode == 0
    with contextlib.nullcontext(place().kubeconfig) if was_up else cluster_of(place().state) as kubeconfig:
        yield kubeconfig


def hands() -> dict[str, Callable[[], None]]:
    """What tests can do to the hosts of the cluster that is up; its second host is started now."""
    host = cluster.second_host(place(), say=lambda _words: None)
    host.start()
    return hosts.hands_of(host)


@contextlib.contextmanager
def cluster_of(state: Path) -> Iterator[Path]:
    """A cluster in this state directory, for as long as the block runs; its kubeconfig's path."""
    try:
        done = harness("up", state=state)
        assert done.returncode == 0, f"the real cluster did not start:\n{done.stderr}"
        yield state / "kubeconfig"
    finally:
        ended = harness("down", state=state)
    assert ended.returncode == 0, f"the real cluster did not end:\n{ended.stderr}"


def must_run_here() -> None:
    """Leave the test out unless this machine can run a cluster now, without the minutes that a build takes."""
    built = build.find_built() is not None
    if reason := machine.why_not(machine.look_at_machine(built=built)):
        left_out(reason)
    if not built:
        left_out(
            "the cluster's programs are not built yet: run `python -m tests.realcluster build` (about 10 minutes)."
        )


def must_have(*packages: str) -> None:
    """Leave the test out unless these Debian packages, which `install` brings for tests, are there."""
    if missing := machine.missing_packages({name: machine.FOR_TESTS[name] for name in packages}):
        left_out(f"Debian packages are missing: run `{machine.apt_line(missing)}`")


def left_out(reason: str) -> NoReturn:
    """The one way not to run a test: skips it and says so at the end; with DAGSET_REQUIRE_ALL=1 it fails instead."""
    if os.environ.get("DAGSET_REQUIRE_ALL") == "1":
        pytest.fail(f"left out, though DAGSET_REQUIRE_ALL=1: {reason}", pytrace=False)
    pytest.skip(_SAID + reason)


def harness(
    *arguments: str, state: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python -m tests.realcluster ...` for a state directory and wait for its end.

    A process of its own, so that the cluster does not become a child of the test session.
    """
    command = [sys.executable, "-m", "tests.realcluster", *arguments]
    where = {"DAGSET_REALCLUSTER_STATE": str(state)} if state else {}
    surroundings = {**os.environ, **where, **(environment or {})}
    return subprocess.run(
        command, cwd=_ROOT, env=surroundings, capture_output=True, text=True, timeout=240, check=False
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "real_cluster" in getattr(item, "fixturenames", ()):
            item.add_marker("realcluster")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report.longrepr for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    reasons = [longrepr[2].partition(_SAID)[2] for longrepr in skipped if _SAID in longrepr[2]]
    for reason in dict.fromkeys(reasons):
        terminalreporter.write_line(f"LEFT OUT: {reason}", red=True, bold=True)
