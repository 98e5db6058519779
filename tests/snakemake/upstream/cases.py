"""Snakemake's own cases for executor plugins; `test_upstream` runs them in a process of their own (it changes folders).

What they run with comes from the environment: KUBECONFIG_OF_CASES, OPTIONS_OF_CASES (the settings, as JSON), and for
those with S3 ADDRESS_OF_S3, which both this process and the pods reach, and ENV_OF_PODS (variables, as JSON): an
image would have Snakemake with its plugin, and a Secret the keys.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from snakemake.common.tests import TestWorkflowsLocalStorageBase, TestWorkflowsMinioPlayStorageBase

from snakemake_executor_plugin_jobset import ExecutorSettings


def settings(**more: str) -> ExecutorSettings:
    options = json.loads(os.environ.get("OPTIONS_OF_CASES", "{}"))
    return ExecutorSettings(cluster=os.environ["KUBECONFIG_OF_CASES"], **options, **more)


class TestJobSet(TestWorkflowsLocalStorageBase):
    __test__ = True

    def get_executor(self) -> str:
        return "jobset"

    def get_executor_settings(self) -> ExecutorSettings:
        return settings()


class TestJobSetWithS3(TestWorkflowsMinioPlayStorageBase):
    """No file is shared: sources, inputs and outputs go through an S3 server, which this process is."""

    __test__ = True

    @pytest.fixture(autouse=True)
    def served(self, tmp_path: Path) -> Iterator[None]:
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address=os.environ["ADDRESS_OF_S3"], port=0)
        server.start()
        host, port = server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.node = tmp_path / "node.yaml"
        yield
        server.stop()

    @property
    def endpoint_url(self) -> str:
        return self.endpoint

    def get_assume_shared_fs(self) -> bool:
        return False

    def get_executor(self) -> str:
        return "jobset"

    def get_executor_settings(self) -> ExecutorSettings:
        told = {"ENDPOINT_URL": self.endpoint, "ACCESS_KEY": self.access_key, "SECRET_KEY": self.secret_key}
        storage = {f"SNAKEMAKE_STORAGE_S3_{name}": value for name, value in told.items()}
        env = {**json.loads(os.environ["ENV_OF_PODS"]), **storage, "SNAKEMAKE_STORAGE_S3_REGION": "us-east-1"}
        self.node.write_text(json.dumps({"env": env}))
        return settings(node=str(self.node))
