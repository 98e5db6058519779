"""What dagset itself wrote into the pods of an object that it made: the words say it again."""

from dagset.importers.objects.account import Part
from dagset.importers.report import Fate
from dagset.model.role_checks import PROGRAMS_FOLDER

__all__ = ["FRAMEWORKS", "own_command", "rendezvous_of", "set_by_us"]

# The variables of each rendezvous (compile/rendezvous); the first of each is in no other's.
FRAMEWORKS = {
    "torch": (
        "PET_RDZV_ID", "PET_NNODES", "PET_NPROC_PER_NODE", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT",
        "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE",
    ),
    "mpi": (
        "DAGSET_MPI_LAUNCHER", "DAGSET_MPI_ROLE", "DAGSET_MPI_HOSTS", "DAGSET_MPI_PODS", "DAGSET_MPI_SLOTS",
        "DAGSET_MPI_PATIENCE_S", "OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
        "OMPI_MCA_orte_do_not_resolve", "OMPI_MCA_orte_keep_fqdn_hostnames", "OMPI_MCA_orte_leave_session_attached",
        "OMPI_MCA_plm_rsh_agent", "OMPI_MCA_plm_rsh_no_tree_spawn", "OMPI_MCA_hwloc_base_binding_policy",
        "HYDRA_LAUNCHER", "I_MPI_HYDRA_BOOTSTRAP", "OMPI_MCA_orte_default_hostfile", "HYDRA_HOST_FILE",
        "HYDRA_LAUNCHER_EXEC", "I_MPI_HYDRA_HOST_FILE", "I_MPI_HYDRA_BOOTSTRAP_EXEC",
    ),
    "jax": ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
    "dask": ("DASK_SCHEDULER_ADDRESS", "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"),
    "xgboost": (
        "DMLC_TASK_ID", "DMLC_TRACKER_URI", "DMLC_TRACKER_PORT", "DMLC_NUM_WORKER", "DMLC_WORKER_CONNECT_RETRY",
    ),
    "tensorflow": ("TF_CONFIG",),
}  # fmt: skip
STARTER = ["python3", "-u"]  # of a program that travels with the node


def rendezvous_of(template: Part) -> str | None:
    """Return the rendezvous whose variables are in the first container of a pod."""
    names = _names(template)
    return next((framework for framework, marks in FRAMEWORKS.items() if marks[0] in names), None)


def set_by_us(template: Part) -> dict[str, tuple[Fate, str]]:
    """Return the variables in a pod that dagset wrote, and what to say of them."""
    found: dict[str, tuple[Fate, str]] = {
        name: ("mapped", "nothing: dagset sets it itself") for name in _names(template) if name.startswith("DAGSET_")
    }
    framework = rendezvous_of(template)
    marks = FRAMEWORKS[framework] if framework else ()
    return found | dict.fromkeys(marks, ("mapped", f"`rendezvous: {framework}`"))


def _names(template: Part) -> list[str]:
    containers = template.of("spec", "containers").parts()
    return [each.of("name").text() for each in containers[0].of("env").parts()] if containers else []


def own_command(command: list[str]) -> list[str]:
    """Return a command without the program of ours that starts it."""
    is_started = command[:2] == STARTER and command[2:3] and command[2].startswith(f"{PROGRAMS_FOLDER}/")
    return command[3:] if is_started else command
