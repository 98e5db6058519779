"""A PyTorchJob of Kubeflow's training operator, version 1, as a gang with `rendezvous: torch`.

Sources: kubeflow/training-operator: pkg/apis/kubeflow.org/v1/pytorch_types.go, pkg/controller.v1/pytorch/{envvar,
elastic,pytorchjob_controller}.go.
"""

from collections.abc import Mapping
from typing import Any

from dagset.compile.rendezvous import FRAMEWORKS
from dagset.importers.objects.account import Part
from dagset.importers.objects.kubeflow import replica_sets, restart_words, run_policy_words
from dagset.importers.objects.metadata import node_metadata, pod_metadata
from dagset.importers.objects.patches import Tree, set_variable
from dagset.importers.objects.template import role_words
from dagset.importers.report import Fate

__all__ = ["pytorchjob_words"]

MAIN = ("main", "pytorch")
MASTER, WORKER = "Master", "Worker"
PORT = 29500
# The operator writes these behind the user's own, so that its values count; here `rendezvous: torch` sets them.
OVERRIDDEN = "nothing: the operator's own value counted, and here `rendezvous: torch` sets it"
SET: Mapping[str, tuple[Fate, str]] = dict.fromkeys(FRAMEWORKS["torch"].sources, ("ignored", OVERRIDDEN))
FIXED = "nothing: a gang has a fixed size"
NO_RANK = (
    "`RANK` and `PET_NODE_RANK` are not set, for Master and Worker are not alike: torchrun finds ranks by c10d, "
    "a script without torchrun does not"
)


def pytorchjob_words(root: Part) -> Tree:
    """Return the words of the node that a PyTorchJob is: of one role, where Master and Worker are alike.

    Raises:
        InvalidNode: a field is not what the operator takes there, or there are no replicas.
    """
    spec, patch = root.of("spec"), {}  # type: Part, Tree
    sets = replica_sets(spec.of("pytorchReplicaSpecs"), (MASTER, WORKER))
    replicas = list(sets.values())
    words = node_metadata(root, [each.of("template") for each in replicas], patch)
    words["coupling"] = "gang"
    roles = {name: _role(each, words) for name, each in sets.items()}
    policy = spec.of("runPolicy")
    words |= restart_words(replicas, policy.of("backoffLimit"), default="OnFailure")
    pods = sum(role["pods"] for role in roles.values())
    words |= run_policy_words(policy, replicas, pods=pods, is_queued="queue_name" in words)
    for role in roles.values():  # the scheduler may have become a word
        _without_scheduler(role, words)
    elastic = _elastic(spec.of("elasticPolicy"))
    merged = _one_role(roles)
    if merged is not None:
        words |= {"rendezvous": "torch", **({"success": {"indexes": "0"}} if MASTER in sets and pods > 1 else {})}
        env, found = {**merged.get("env", {}), **elastic}, [merged]
    else:
        words["success"] = {"roles": ["master"]}
        env, found = {}, [_named(name, role, roles, elastic) for name, role in roles.items()]
        root.account.note("the operator's variables", NO_RANK, how="dropped")
    for role in found:
        _processes(spec, role, is_told=merged is not None)
    if merged is not None:
        words |= {**merged, **({"env": env} if env else {})}
    else:
        words["roles"] = found
    return {**words, **({"object_patch": patch} if patch else {})}


def _role(replicas: Part, words: Tree) -> Tree:
    count = replicas.of("replicas").number(1, least=1)
    replicas.of("replicas").told("mapped", "`pods`")
    template = replicas.of("template")
    role = role_words(template, names=MAIN, set_for_it=SET)
    pod_patch: Tree = role.pop("pod_patch", {})
    role |= pod_metadata(template, words, pod_patch, ours=False)
    return {"pods": count, **role, **({"pod_patch": pod_patch} if pod_patch else {})}


def _without_scheduler(role: Tree, words: Tree) -> None:
    """Take out of a role's patch what has become the node's word."""
    spec = role.get("pod_patch", {}).get("spec", {})
    if "scheduler" in words:
        spec.pop("schedulerName", None)
        if "pod_patch" in role and not spec:
            role["pod_patch"].pop("spec", None)
        if role.get("pod_patch") == {}:
            del role["pod_patch"]


def _one_role(roles: Mapping[str, Tree]) -> Tree | None:
    """Return the one role that Master and Worker are, Master at index 0; None where they are not alike."""
    alike = [{word: value for word, value in role.items() if word != "pods"} for role in roles.values()]
    if any(each != alike[0] for each in alike):
        return None
    return {"pods": sum(role["pods"] for role in roles.values()), **alike[0]}


def _named(name: str, role: Tree, roles: Mapping[str, Tree], elastic: dict[str, str]) -> Tree:
    """Return one of two roles that are not alike, with the variables by which torchrun finds the ranks itself."""
    pods, coordinator = sum(each["pods"] for each in roles.values()), "$(DAGSET_COORDINATOR)"
    env = {
        "MASTER_ADDR": coordinator,
        "MASTER_PORT": str(PORT + 1),
        "WORLD_SIZE": str(pods),
        **({"RANK": "0"} if name == MASTER else {"RANK": "1"} if role["pods"] == 1 else {}),
        "PET_NNODES": str(pods),
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": f"{coordinator}:{PORT}",
        "PET_RDZV_ID": f"{coordinator}-$(DAGSET_ATTEMPT)",
        **elastic,
    }
    return {"name": name.lower(), **role, "env": {**env, **role.get("env", {})}}


def _processes(spec: Part, role: Tree, *, is_told: bool) -> None:
    """Say how many processes torchrun starts in a pod, where that is not one for each accelerator."""
    given = spec.of("nprocPerNode") or spec.of("elasticPolicy", "nProcPerNode")
    if not given:
        if not is_told:
            role["env"]["PET_NPROC_PER_NODE"] = str(role.get("gpu", 1))
        return
    count = str(given.value)
    if count == str(role.get("gpu", 1)) or (count in ("auto", "gpu") and role.get("gpu")):
        given.told("mapped", "`rendezvous: torch`: a process for each accelerator of a pod, else one")
        count = str(role.get("gpu", 1))
    else:
        given.told("mapped", "`pod_patch`: PET_NPROC_PER_NODE" if is_told else "`env`: PET_NPROC_PER_NODE")
        if is_told:
            set_variable(role, "PET_NPROC_PER_NODE", count)
    if not is_told:
        role["env"]["PET_NPROC_PER_NODE"] = count


def _elastic(policy: Part) -> dict[str, str]:
    """Return the variables of an elasticPolicy that mean something to a gang of a fixed size."""
    env: dict[str, str] = {}
    for key, name in (("maxRestarts", "PET_MAX_RESTARTS"), ("rdzvBackend", "PET_RDZV_BACKEND")):
        if part := policy.of(key):
            env[name] = str(part.told("mapped", f"`env`: {name}"))
    if policy.of("rdzvBackend").value not in (None, "c10d"):
        policy.of("rdzvBackend").told(
            "dropped", "nothing: a store beside the pods is not there; torchrun's own c10d is"
        )
        del env["PET_RDZV_BACKEND"]
    if "PET_RDZV_BACKEND" in env:
        env["PET_RDZV_ENDPOINT"] = f"$(DAGSET_COORDINATOR):{policy.of('rdzvPort').number(PORT)}"
        policy.of("rdzvPort").told("mapped", "`env`: PET_RDZV_ENDPOINT")
        policy.of("rdzvHost").told("ignored", "nothing: the host is index 0's own")
    conf = ",".join(f"{each.of('key').text()}={each.of('value').text()}" for each in policy.of("rdzvConf").parts())
    if conf:
        env["PET_RDZV_CONF"] = conf
        policy.of("rdzvConf").told("mapped", "`env`: PET_RDZV_CONF")
    policy.of("rdzvId").told("ignored", "nothing: `rendezvous: torch` sets one, another after each restart")
    fates: dict[str, tuple[Any, str]] = {
        "minReplicas": ("dropped", FIXED),
        "maxReplicas": ("dropped", FIXED),
        "metrics": ("dropped", FIXED),
    }
    for key, fate in fates.items():
        policy.of(key).told(*fate)
    return env
