"""`dagset.run`: one call from a node to its Outcome."""

from pathlib import Path

import pytest

import dagset.run
from dagset.errors import InvalidNode
from dagset.model import DagNode
from dagset.run.connect import open_cluster

SAYS = DagNode(name="says", image="busybox:1", command=["sh", "-c", "echo hello; exit 3"], keep="never")


@pytest.mark.cluster
def test_one_call_runs_a_node_on_a_real_cluster_and_leaves_what_keep_says(local_cluster: Path):
    lines: list[tuple[str, str]] = []
    phases: list[str] = []

    outcome = dagset.run(
        SAYS,
        cluster=str(local_cluster),
        lines=lambda prefix, text: lines.append((prefix, text)),
        on_change=lambda seen, _phase: phases.append(seen.kind),
    )

    left = open_cluster(str(local_cluster)).list("Job", namespace="default", labels={"dagset.io/task": "says"}).items
    assert ("failed", "app_error", 3) == (outcome.phase, outcome.reason, outcome.exit_code)
    assert [("worker[0]", "hello")] == lines
    assert {"Job"} == set(phases)
    assert all("deletionTimestamp" in job["metadata"] for job in left)


def test_a_node_file_that_cannot_be_read_is_refused_before_any_cluster_is_asked(tmp_path: Path):
    with pytest.raises(InvalidNode, match="No such file"):
        dagset.run(tmp_path / "no.yaml", cluster="/nowhere")
