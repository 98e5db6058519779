"""pytest plugin: the fixture `argo`, the shared real cluster with the real Argo Workflows in it.

Loaded by `pytest_plugins` in tests/conftest.py. Who does not ask for it does not pay for it.
"""

from pathlib import Path

import pytest

from tests.realcluster import build
from tests.realcluster.fixtures import harness, left_out


@pytest.fixture(scope="session")
def argo(real_cluster: Path) -> Path:
    """Path of the real cluster's kubeconfig, once Argo's controller answers there."""
    if build.find_optional(build.ARGO) is None:
        left_out("Argo is not built yet: run `python -m tests.realcluster build --argo` (about 5 minutes).")
    started = harness("argo")
    assert started.returncode == 0, f"Argo did not start:\n{started.stderr}"
    return real_cluster
