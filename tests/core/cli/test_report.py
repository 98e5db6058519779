"""`dagset report` writes one file, of a node by name or by its file, and says what it lacks."""

import sys
from pathlib import Path

import pytest

from .conftest import PlayedCluster, dagset, plays
from .test_commands import submitted


@pytest.fixture
def cluster() -> PlayedCluster:
    return PlayedCluster(plays(3, "hello", "ValueError: bad"))


def test_file_says_how_the_node_ended(cluster: PlayedCluster, node_file: Path, tmp_path: Path) -> None:
    name = submitted(cluster, node_file)["metadata"]["name"]

    for typed in (node_file, name):
        out = tmp_path / f"{len(str(typed))}.html"
        result = dagset("report", typed, "-o", out, cluster=cluster)
        page = out.read_text()

        assert (0, "", f"{out} written") == (result.exit_code, result.stdout, result.stderr.splitlines()[-1])
        assert f"<title>{name}: failed</title>" in page
        assert "<pre>hello\nValueError: bad</pre>" in page


def test_with_follow_it_is_written_after_the_end(cluster: PlayedCluster, node_file: Path) -> None:
    submitted(cluster, node_file)
    result = dagset("report", node_file, "--follow", "-o", "-", cluster=cluster)

    assert (0, True) == (result.exit_code, result.stdout.startswith("<!doctype html>"))
    assert "ValueError: bad" in result.stdout


def test_place_that_cannot_be_written_is_named(cluster: PlayedCluster, node_file: Path) -> None:
    submitted(cluster, node_file)
    result = dagset("report", node_file, "-o", "/no/such/folder/x.html", cluster=cluster)

    assert (1, "") == (result.exit_code, result.stdout)
    assert "/no/such/folder/x.html cannot be written: No such file or directory; choose another by -o" in result.stderr


def test_without_jinja2_it_says_what_to_install(node_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = dagset("report", node_file)

    assert (1, "") == (result.exit_code, result.stdout)
    assert "dagset report needs jinja2, which is not installed: pip install 'dagset[report]'" in result.stderr


def test_node_that_is_not_there_is_1(node_file: Path) -> None:
    assert 1 == dagset("report", node_file, cluster=PlayedCluster()).exit_code
