"""What is asked of Snakemake's command line and profiles: `--jobset-cluster`, `--jobset-node`..."""

# The interface reads the types of the fields, and no other spelling of what is optional.
# ruff: noqa: UP006, UP035, UP045
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Literal, Optional

from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

__all__ = ["ExecutorSettings", "common_settings"]

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,  # True would overwrite the user's --shared-fs-usage
    job_deploy_sources=True,
    pass_envvar_declarations_to_cmd=False,  # they may be secrets, and a command is readable in the cluster
    auto_deploy_default_storage_provider=False,  # would install packages in every pod
)


def _option(default: Any, text: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": text, **more})


@dataclass
class ExecutorSettings(ExecutorSettingsBase):  # type: ignore[misc]  # the interface ships no types
    """The options of the executor; each may stand in a profile as `jobset-<name>`."""

    cluster: Optional[str] = _option(
        None,
        "Where jobs run: local, in-cluster, or a kubeconfig as path or path#context "
        "(default: $DAGSET_CLUSTER, then local).",
    )
    context: Optional[str] = _option(None, "The context of the kubeconfig (default: its current one).")
    namespace: Optional[str] = _option(None, "The namespace of the jobs (default: the kubeconfig's).")
    node: Optional[str] = _option(None, "A node file: what it says holds for every rule that does not say otherwise.")
    image: Optional[str] = _option(None, "The image of the pods (default: the node file's, then --container-image).")
    volumes: List[str] = field(  # an Optional one would have its words made into lists of letters
        default_factory=list,
        metadata={
            "help": "Volumes of every pod: CLAIM:/path for a PersistentVolumeClaim, /host/path:/path or /path for a "
            "folder of the hosts. One of them has to hold the working directory, at the same path as here.",
            "nargs": "+",
        },
    )
    queue: Optional[str] = _option(None, "The queue that admits the jobs (Kueue: a LocalQueue).")
    service_account: Optional[str] = _option(None, "The service account of the pods.")
    arrays: Literal["on", "off"] = _option(
        "on",
        "Whether jobs of equal needs that are ready together become one Indexed Job; "
        "of a single rule: resources: jobset_array='off'.",
    )
    array_limit: int = _option(1000, "The most jobs in one array.")
    array_window: float = _option(
        1.0, "Seconds that jobs which are ready together wait for more of their kind; a single job never waits."
    )
    chunk: int = _option(
        1,
        "How many jobs of an array share a pod, one after the other and with one import of Snakemake: for short jobs. "
        "Of a single rule: resources: jobset_chunk=20.",
    )
    bare: bool = _option(
        False,
        "Run the commands of plain shell rules as they are, in pods without Snakemake, so in any image that has bash. "
        "Of a single rule: resources: jobset_bare='on'. It leans on internals of Snakemake; tested with 9.27.1.",
    )
    rule_containers: bool = _option(
        False, "Take what a rule says as container: for its pods' image; Snakemake has to be in it, or on a volume."
    )
    overhead_mb: int = _option(150, "Memory in MB that a pod gets beyond its job's mem_mb, for the Snakemake in it.")
    ttl: Optional[str] = _option(None, "How long the cluster keeps what failed, such as 2d (default: 1d).")
    start_timeout: Optional[str] = _option(
        None, "How long pods may be unable to start (no room, no image), such as 1h (default: 15m)."
    )
    detach: bool = _option(
        False, "Let the jobs run on when Snakemake is interrupted; a later run with the same run id takes them up."
    )
    run_id: Optional[str] = _option(
        None,
        "A name of this run: a Snakemake that starts with the same one follows its running jobs, from any host and "
        "folder (default: host, user, folder and Snakefile say which run it is).",
    )

    render: Optional[str] = _option(
        None, "Write what the jobs that would start now are in the cluster into this file, as YAML; run nothing."
    )

    def __post_init__(self) -> None:
        """Take files from where Snakemake is started: `--directory` leads elsewhere before they are read."""
        for name in ("node", "render"):
            if getattr(self, name) is not None:
                setattr(self, name, str(Path(getattr(self, name)).expanduser().absolute()))
