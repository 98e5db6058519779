"""Snakemake executor plugin `jobset`. Registered; this version runs no jobs yet and says so when it is chosen."""

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

__all__ = ["Executor", "common_settings"]

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(RemoteExecutor):  # type: ignore[misc]  # the interface ships no types
    """Refuses to start, before any job is made."""

    def __new__(cls, *_args: object, **_kwargs: object) -> "Executor":
        raise WorkflowError("--executor jobset cannot run jobs in this version of dagset; choose another executor")
