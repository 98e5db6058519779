"""What the fixture `real_cluster` promises to the tests of other folders."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.realcluster import inside
from tests.realcluster.place import place_at

ROOT = Path(__file__).parents[2]
A_TEST = "def test_it(real_cluster):\n    assert real_cluster.read_text()\n"


def session(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A pytest session of its own with one test that wants the real cluster."""
    (folder / "test_it.py").write_text(A_TEST)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.realcluster.fixtures",
        "--rootdir",
        str(folder),
        str(folder),
    ]
    surroundings = {name: value for name, value in os.environ.items() if name != "DAGSET_REQUIRE_ALL"}
    return subprocess.run(
        command, cwd=ROOT, env=surroundings | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_machine_that_cannot_run_it_leaves_the_test_out_loudly(tmp_path: Path) -> None:
    done = session(tmp_path, DAGSET_CACHE=str(tmp_path / "empty"))

    assert (0, True) == (done.returncode, "LEFT OUT: " in done.stdout), done.stdout


def test_where_all_is_required_left_out_is_a_failure(tmp_path: Path) -> None:
    done = session(tmp_path, DAGSET_CACHE=str(tmp_path / "empty"), DAGSET_REQUIRE_ALL="1")

    assert (1, True) == (done.returncode, "left out, though DAGSET_REQUIRE_ALL=1: " in done.stdout), done.stdout


@pytest.mark.realcluster
def test_a_cluster_that_was_up_is_used_and_stays_up(own_cluster: Path, tmp_path: Path) -> None:
    before = inside.first_process(place_at(own_cluster))

    done = session(tmp_path, DAGSET_REALCLUSTER_STATE=str(own_cluster))

    assert (0, before) == (done.returncode, inside.first_process(place_at(own_cluster))), done.stdout
