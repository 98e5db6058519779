"""Snakemake's own cases for executor plugins; `test_upstream` runs them in a process of their own (it changes folders).

What they run with comes from the environment: KUBECONFIG_OF_CASES, and OPTIONS_OF_CASES (the settings, as JSON).
"""

import json
import os

from snakemake.common.tests import TestWorkflowsLocalStorageBase

from snakemake_executor_plugin_jobset import ExecutorSettings


class TestJobSet(TestWorkflowsLocalStorageBase):
    __test__ = True

    def get_executor(self) -> str:
        return "jobset"

    def get_executor_settings(self) -> ExecutorSettings:
        options = json.loads(os.environ.get("OPTIONS_OF_CASES", "{}"))
        return ExecutorSettings(cluster=os.environ["KUBECONFIG_OF_CASES"], **options)
