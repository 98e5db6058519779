"""What the tests of the Snakemake executor share."""

from pathlib import Path

import pytest

from tests.snakemake.workflow import Workflow


@pytest.fixture
def workflow(tmp_path: Path, local_cluster: Path) -> Workflow:
    return Workflow(tmp_path, local_cluster)
