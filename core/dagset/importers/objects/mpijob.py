"""An MPIJob of Kubeflow's MPI operator, version 2, as a gang with `rendezvous: mpi`: launcher and workers.

Sources: kubeflow/mpi-operator: pkg/apis/kubeflow/v2beta1/{types,default}.go, pkg/controller/mpi_job_controller.go.
"""

from collections.abc import Mapping
from typing import Any

from dagset.compile.rendezvous import FRAMEWORKS
from dagset.importers.objects.account import Part
from dagset.importers.objects.jobs import told_backoff
from dagset.importers.objects.kubeflow import replica_sets, run_policy_words
from dagset.importers.objects.metadata import node_metadata, pod_metadata
from dagset.importers.objects.patches import Tree, set_variable
from dagset.importers.objects.template import role_words
from dagset.importers.report import Fate
from dagset.model.quantity import cpu_millis

__all__ = ["mpijob_words"]

LAUNCHER, WORKER = "Launcher", "Worker"
SET: Mapping[str, tuple[Fate, str]] = dict.fromkeys(
    FRAMEWORKS["mpi"].sources, ("approximated", "`rendezvous: mpi` sets it")
)
NO_SSHD = "nothing: no sshd is needed, for `rendezvous: mpi` starts what mpirun asks for"
NO_ENTRYPOINT = "`command`: the image's own entrypoint is left out, for `rendezvous: mpi` starts the command"
SPEC: Mapping[str, tuple[Fate, str]] = {
    "sshAuthMountPath": ("ignored", "nothing: there is no ssh, and so no key"),
    "launcherCreationPolicy": ("mapped", "nothing: the launcher waits for its workers by itself"),
}
IMPLEMENTATIONS: Mapping[str, tuple[Fate, str]] = {
    "OpenMPI": ("mapped", "`rendezvous: mpi`"),
    "MPICH": ("approximated", "`rendezvous: mpi`: its variables are set; only OpenMPI is tried"),
    "Intel": ("approximated", "`rendezvous: mpi`: its variables are set; only OpenMPI is tried"),
}
RESTARTED = "`restarts`: the gang restarts as a whole"
SLOTS = "DAGSET_MPI_SLOTS"


def mpijob_words(root: Part) -> Tree:
    """Return the words of the node that an MPIJob is.

    Raises:
        InvalidNode: a field is not what the operator takes there, or there is no launcher.
    """
    spec, patch = root.of("spec"), {}  # type: Part, Tree
    sets = replica_sets(spec.of("mpiReplicaSpecs"), (LAUNCHER, WORKER))
    if LAUNCHER not in sets:
        raise spec.of("mpiReplicaSpecs", LAUNCHER).refused("is missing", "an MPIJob has a launcher")
    replicas = list(sets.values())
    words = node_metadata(root, [each.of("template") for each in replicas], patch)
    words |= {"coupling": "gang", "rendezvous": "mpi"}
    policy = spec.of("runPolicy")
    words |= {"restarts": told_backoff(policy, is_gang=False), "fail_exit_codes": []}
    policy.of("backoffLimit").told("mapped", RESTARTED)
    if not policy.of("backoffLimit"):
        root.account.note("no backoffLimit", f"`restarts: {words['restarts']}`, as the launcher's Job has it")
    pods = sum(each.of("replicas").number(1, least=1) for each in replicas)
    words |= run_policy_words(policy, replicas, pods=pods, is_queued="queue_name" in words)
    roles = [_role(name, each, words) for name, each in sets.items()]
    _slots(spec, roles)
    for key, fate in SPEC.items():
        spec.of(key).told(*fate)
    kind = spec.of("mpiImplementation")
    kind.told(*IMPLEMENTATIONS.get(kind.text("OpenMPI"), ("dropped", "nothing: no such implementation is known")))
    computes = spec.of("runLauncherAsWorker")
    computes.told(*_as_worker(computes.is_true()))
    return {**words, "roles": roles, **({"object_patch": patch} if patch else {})}


def _as_worker(computes: bool) -> tuple[Fate, str]:
    if computes:
        return "dropped", "nothing: of two roles the launcher only launches; give one role of all pods, and it computes"
    return "mapped", "nothing: the launcher only launches"


def _role(name: str, replicas: Part, words: Tree) -> Tree:
    template = replicas.of("template")
    for part in (replicas.of("restartPolicy"), template.of("spec", "restartPolicy")):
        part.told("approximated", RESTARTED)
    replicas.of("replicas").told("mapped", "`pods`")
    role = role_words(template, set_for_it=SET)
    template.of("spec", "restartPolicy").told("ignored", "nothing: the replicas' own restartPolicy counts")
    pod_patch: Tree = role.pop("pod_patch", {})
    role |= pod_metadata(template, words, pod_patch, ours=False)
    container = template.of("spec", "containers").parts()[0]
    if name == LAUNCHER and "args" in role and "command" not in role:
        role["command"] = role.pop("args")
        container.of("args").told("approximated", NO_ENTRYPOINT)
    if name == WORKER:
        for key in ("command", "args"):
            role.pop(key, None)
            container.of(key).told("approximated", NO_SSHD)
    pods = replicas.of("replicas").number(1, least=1)
    return {"name": name.lower(), "pods": pods, **role, **({"pod_patch": pod_patch} if pod_patch else {})}


def _slots(spec: Part, roles: list[Tree]) -> None:
    """Say how many processes a worker gets, where that is not one for each accelerator or whole cpu."""
    given, hosts = spec.of("slotsPerWorker"), roles[-1]
    slots = given.number(1, least=1)
    own: Any = hosts.get("gpu") or max(1, cpu_millis(hosts.get("cpu", 1)) // 1000)
    if slots == own:
        given.told("mapped", "`rendezvous: mpi`: a slot for each accelerator of a pod, else for each whole cpu")
        return
    told = f"`pod_patch`: {SLOTS}"
    if given:
        given.told("mapped", told)
    else:
        spec.account.note("no slotsPerWorker", f"{told}, 1 as the operator has it")
    for role in roles:
        set_variable(role, SLOTS, str(slots))
