"""What is asked of Snakemake's command line and profiles: `--jobset-cluster`, `--jobset-node`..."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

__all__ = ["ExecutorSettings", "common_settings"]

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,  # True would overwrite the user's --shared-fs-usage
    job_deploy_sources=True,
    pass_envvar_declarations_to_cmd=False,  # they may be secrets, and a command is readable in the cluster
    auto_deploy_default_storage_provider=False,  # would install packages in every pod
)


@dataclass
class ExecutorSettings(ExecutorSettingsBase):  # type: ignore[misc]  # the interface ships no types
    """The options of the executor; each may stand in a profile as `jobset-<name>`."""

    cluster: Optional[str] = field(  # noqa: UP045  the interface reads no other spelling
        default=None,
        metadata={
            "help": "Where jobs run: local, in-cluster, or a kubeconfig as path or path#context "
            "(default: $DAGSET_CLUSTER, then local)."
        },
    )
    namespace: Optional[str] = field(  # noqa: UP045  the interface reads no other spelling
        default=None, metadata={"help": "The namespace of the jobs (default: the kubeconfig's)."}
    )
    node: Optional[str] = field(  # noqa: UP045  the interface reads no other spelling
        default=None, metadata={"help": "A node file: what it says holds for every rule that does not say otherwise."}
    )
    image: Optional[str] = field(  # noqa: UP045  the interface reads no other spelling
        default=None, metadata={"help": "The image of the pods (default: the node file's, then --container-image)."}
    )

    def __post_init__(self) -> None:
        """Take the node file from where Snakemake is started: `--directory` leads elsewhere before it is read."""
        if self.node is not None:
            self.node = str(Path(self.node).expanduser().absolute())
