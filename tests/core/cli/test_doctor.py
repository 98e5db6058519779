"""`dagset doctor`: a line for each question, an exit code that says whether nodes will run."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dagset.cli.main import cli
from dagset.errors import ClusterUnreachable
from tests.core.run.test_doctor import Reviewed

from .conftest import dagset


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Mean a cluster of which the machine tells nothing."""
    monkeypatch.setenv("DAGSET_CLUSTER", str(tmp_path / "nosuch.kubeconfig"))


def test_all_is_well() -> None:
    result = dagset("doctor", cluster=Reviewed())

    assert (0, "fake cluster, namespace default\n") == (result.exit_code, result.stderr)
    assert "ok       kubernetes: v1.36.3 at fake cluster" in result.stdout.splitlines()
    assert "no problems, no warnings" == result.stdout.splitlines()[-1]


def test_a_problem_is_exit_code_1_and_has_a_remedy_below_it() -> None:
    dead = ClusterUnreachable("nobody there", retry_after_s=60)
    result = dagset("doctor", cluster=Reviewed(errors={"/version": dead}))

    assert (1, ["1 problem, no warnings"]) == (result.exit_code, result.stdout.splitlines()[-1:])
    mark, remedy = result.stdout.splitlines()[-3:-1]
    assert mark.startswith("PROBLEM  kubernetes: nobody there; gave up after 1 try")
    assert remedy.startswith("         -> see whether its address is right")


def test_warnings_alone_are_exit_code_0() -> None:
    result = dagset("doctor", cluster=Reviewed(lacks={("get", "pods/log")}))

    assert (0, "no problems, 2 warnings") == (result.exit_code, result.stdout.splitlines()[-1])


def test_kubeconfig_that_leads_nowhere_is_a_problem_not_an_error() -> None:
    result = CliRunner().invoke(cli, ["doctor", "-o", "json"], prog_name="dagset")
    told = json.loads(result.stdout)

    assert (1, "", 1) == (result.exit_code, result.stderr, told["problems"])
    assert ("problem", "cluster") == (told["checks"][-1]["level"], told["checks"][-1]["what"])
