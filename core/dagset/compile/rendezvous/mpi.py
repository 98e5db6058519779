"""MPI without ssh and without an operator: OpenMPI, and what MPICH's and Intel's mpiexec read.

The first role's index 0 runs the command, `mpirun ...`; dagset.inpod.mpi in all pods stands in for ssh, and sets the
variables that name its own files. One role: the launcher computes too. Two: the first launches, the second computes.
A restarted gang meets nothing old: a pod of another attempt is turned away by its number.
"""

from dagset.compile.rendezvous.framework import Framework, Pods
from dagset.compile.rendezvous.hosts import pod_name
from dagset.errors import InvalidNode
from dagset.model import DagNode, Role, Success
from dagset.model.quantity import cpu_millis
from dagset.model.role_checks import PROGRAMS_FOLDER

__all__ = ["MPI"]

PROGRAM = "mpi.py"
FOR_EVER_S = 10**9
OURS = "dagset: core/dagset/inpod/mpi.py"
OMPI = "open-mpi/ompi (v4.1): orte/tools/orterun, orte/mca/plm/rsh/plm_rsh_component.c, orte/runtime/orte_mca_params.c"
OMPI_BINDING = "open-mpi/ompi (v4.1): opal/mca/hwloc/base/hwloc_base_frame.c"
HYDRA = "pmodels/mpich: src/pm/hydra/mpiexec/utils.c"
INTEL = "Intel MPI: I_MPI_HYDRA_*, as kubeflow/mpi-operator: pkg/controller/mpi_job_controller.go"
FIXED = {
    "OMPI_ALLOW_RUN_AS_ROOT": ("1", OMPI),  # as images mostly run
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": ("1", OMPI),
    "OMPI_MCA_orte_do_not_resolve": ("1", OMPI),  # pods of one machine are hosts of their own all the same
    "OMPI_MCA_orte_keep_fqdn_hostnames": ("1", OMPI),
    "OMPI_MCA_orte_leave_session_attached": ("1", OMPI),  # so that the daemons' words and ends are seen
    "OMPI_MCA_plm_rsh_agent": (f"python3 {PROGRAMS_FOLDER}/{PROGRAM} --at", OMPI),  # the daemons look for it too
    "OMPI_MCA_plm_rsh_no_tree_spawn": ("1", OMPI),  # only the launcher can start daemons
    "OMPI_MCA_hwloc_base_binding_policy": ("none", OMPI_BINDING),  # else the first cores serve all pods of a machine
    "HYDRA_ENV": ("none", HYDRA),  # else all ranks get the launcher's own variables, DAGSET_INDEX too
    "HYDRA_LAUNCHER": ("ssh", HYDRA),
    "I_MPI_HYDRA_BOOTSTRAP": ("ssh", INTEL),
}
SET_IN_THE_POD = {
    "OMPI_MCA_orte_default_hostfile": OMPI,
    "HYDRA_HOST_FILE": HYDRA,
    "HYDRA_IFACE": HYDRA,
    "HYDRA_LAUNCHER_EXEC": HYDRA,
    "I_MPI_HYDRA_HOST_FILE": INTEL,
    "I_MPI_HYDRA_BOOTSTRAP_EXEC": INTEL,
}
OWN = ("LAUNCHER", "ROLE", "HOSTS", "PODS", "SLOTS", "PATIENCE_S")


def values(pods: Pods) -> dict[str, str]:
    """Return who launches, on which hosts with how many slots, and how long the pods wait for each other."""
    node, launcher, hosts = pods.node, pods.node.roles[0], pods.node.roles[-1]
    first = pod_name(node, hosts, name=pods.name)
    patience_s = FOR_EVER_S if node.start_timeout_s is None else node.start_timeout_s
    own = (launcher.name, hosts.name, first.removesuffix("-0"), hosts.pods, slots(hosts), patience_s)
    told = {f"DAGSET_MPI_{word}": str(value) for word, value in zip(OWN, own, strict=True)}
    return told | {variable: value for variable, (value, _) in FIXED.items()}


def slots(role: Role) -> int:
    """Return how many processes a pod gets: one for each accelerator, else for each whole cpu, at least one."""
    return role.gpu or max(1, cpu_millis(role.cpu or 1) // 1000)


def check(node: DagNode) -> None:
    """Refuse what has no launcher, or would end as something else than its launcher."""
    launcher, *others = node.roles
    if not launcher.command:
        problem = "is missing: rendezvous mpi starts it, with python3 of the image, when all pods are there"
        raise InvalidNode(problem, field=_field(node, 0, "command"), remedy="for example command: [mpirun, ./solve]")
    if len(others) > 1 or (others and launcher.pods != 1):
        problem = f"mpi has one launcher and its workers, not {_shape(node)}"
        raise InvalidNode(problem, field="rendezvous", remedy="give one role, or launcher with pods: 1 and worker")
    for word in ("command", "args") if others else ():
        if getattr(others[0], word):
            problem = f"pods of {others[0].name!r} run what mpirun of {launcher.name!r} starts on them"
            raise InvalidNode(problem, field=_field(node, 1, word), remedy="remove it")
    if any(each.when == "complete" for role in node.roles for each in role.after):
        remedy = "remove after: the launcher waits for its workers"
        raise InvalidNode("mpi needs all its pods at once", field="roles[1].after", remedy=remedy)
    good = ("all", Success(roles=(launcher.name,)), Success(indexes="0") if not others else "all")
    if node.success not in good:
        problem = "the other pods end well whenever the launcher ends, so only its end counts"
        raise InvalidNode(problem, field="success", remedy="remove it")


def _field(node: DagNode, place: int, word: str) -> str:
    return f"roles[{place}].{word}" if len(node.roles) > 1 else word


def _shape(node: DagNode) -> str:
    return " and ".join(f"{role.pods} pods of {role.name!r}" for role in node.roles)


MPI = Framework(
    sources={
        **{f"DAGSET_MPI_{word}": OURS for word in OWN},
        **{variable: source for variable, (_, source) in FIXED.items()},
        **SET_IN_THE_POD,
    },
    values=values,
    check=check,
    program=PROGRAM,
)
