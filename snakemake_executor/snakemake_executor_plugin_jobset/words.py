"""From what Snakemake knows of a job to its DagNode. Pure, but for the node files that are read."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dagset.compile.escape import escape_expansion
from dagset.errors import InvalidNode
from dagset.model import DagNode, Role, node_from, read_words
from dagset.model.coerce import refuse_unknown
from dagset.model.layers import ROLE_WORDS, merged_words, word_of

__all__ = [
    "SCALAR_WORDS",
    "changed",
    "file_words",
    "job_node",
    "refuse_resources",
    "refuse_unpassed",
    "ruled_words",
    "runs_once",
    "shell",
    "switch",
    "with_command",
]

Words = dict[str, Any]

ONE_POD = "leave the first role one pod and give the others a second role, have mpirun start them (rendezvous mpi), or "
ONE_POD += "have each run the rule's bare command: jobset_bare='on'"
# The first process of a container hears a SIGTERM only if it asks for it, and nobody but it is told: a job that is
# stopped would go on until it is killed. So the shell asks, and tells all that it has started.
HEARING = """\
stopped=
trap 'stopped=1; trap "" TERM; kill -TERM 0' TERM
( %s
) &
wait $!
code=$?
[ -z "$stopped" ] || { wait $!; code=$?; }
exit $code
"""
PREFIX = "jobset_"
NODE_FILE = f"{PREFIX}node"
ARRAY = f"{PREFIX}array"  # of a rule whose jobs shall be nodes of their own: off
CHUNK = f"{PREFIX}chunk"  # how many of a rule's jobs share a pod
BARE = f"{PREFIX}bare"  # of a rule whose command runs without a Snakemake in the pod: on
NO_WORDS = (NODE_FILE, ARRAY, CHUNK, BARE)
SCALAR_TYPES = (
    msgspec.inspect.StrType,
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.LiteralType,
)


def _takes_scalar(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _takes_scalar(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(_takes_scalar(each) for each in kind.types)
    return isinstance(kind, SCALAR_TYPES)


SCALAR_WORDS = frozenset(
    field.name for field in msgspec.structs.fields(DagNode) if _takes_scalar(msgspec.inspect.type_info(field.type))
)


def refuse_resources(names: Iterable[str], *, rule: str) -> None:
    """Raise InvalidNode for the first resource `jobset_<word>` whose word cannot be given by a rule."""
    for name in names:
        word = name.removeprefix(PREFIX)
        if name in (word, *NO_WORDS) or word in SCALAR_WORDS:
            continue
        try:
            refuse_unknown({word: None}, DagNode)
        except InvalidNode as error:
            raise InvalidNode(error.problem, field=name, remedy=error.remedy, source=f"rule {rule}") from None
        problem, remedy = "Snakemake's resources hold no lists and mappings", f"give {word} in a node file: {NODE_FILE}"
        raise InvalidNode(problem, field=name, remedy=remedy, source=f"rule {rule}")


def ruled_words(resources: Mapping[str, Any]) -> Words:
    """Return the words that a rule gives by `jobset_<word>`, without what is said to this executor alone."""
    given = {name.removeprefix(PREFIX): name for name in resources if name.startswith(PREFIX) and name not in NO_WORDS}
    return {word: resources[name] for word, name in given.items()}


def switch(resources: Any, name: str, *, rule: str, default: str) -> str:
    """Return "on" or "off", as a rule says by this resource; raises InvalidNode for anything else."""
    said: str = resources.get(name, default)
    if said not in ("on", "off"):
        problem, remedy = f"{said!r} is neither on nor off", f"write {name}='on' or {name}='off'"
        raise InvalidNode(problem, field=name, source=f"rule {rule}", remedy=remedy)
    return said


def file_words(path: Path) -> Words:
    """Return the words of a node file; paths in its `files` are made absolute.

    Raises:
        InvalidNode: naming the file.
    """
    words = read_words(path)
    try:
        refuse_unknown(words, DagNode)
    except InvalidNode as error:
        raise error.read_from(str(path)) from None
    if isinstance(words.get("files"), dict):
        words["files"] = {name: _absolute(file, path.parent) for name, file in words["files"].items()}
    return words


def _absolute(file: object, folder: Path) -> object:
    if not isinstance(file, dict) or not isinstance(file.get("path"), str):
        return file
    return {**file, "path": str(folder.absolute() / file["path"])}


def job_node(
    layers: Iterable[Words],
    *,
    command: str,
    sources: Sequence[str] = (),
    volumes: Mapping[str, Any] | None = None,
    in_all: bool = False,
) -> DagNode:
    """Return the node of a job: the layers, each over the one before it, and the job's command in the first role.

    Args:
        layers: words, the later win.
        command: what the job runs.
        sources: who said each layer, as a refusal names it.
        volumes: of the first role, beneath its own of the same names.
        in_all: the command may run in every pod of the first role.

    Raises:
        InvalidNode: the words do not fit together, or the command would run more than once.
    """
    layers = [*layers, {"command": shell(command), "args": ()}]
    try:
        node = node_from(_with_volumes(merged_words(*layers), volumes or {}))
    except InvalidNode as error:
        said = [source for layer, source in zip(layers, sources, strict=False) if word_of(error.field) in layer]
        raise (error.read_from(said[-1]) if said else error) from None
    if not in_all and not runs_once(node):
        problem = f"{node.roles[0].pods} pods would each run the job, and write the same files"
        raise InvalidNode(problem, field="pods", remedy=ONE_POD)
    return node


def runs_once(node: DagNode) -> bool:
    """Whether the command of the first role runs in one pod: of MPI's, it is the launcher's."""
    return node.roles[0].pods == 1 or node.rendezvous == "mpi"


def shell(script: str, *, hears: bool = False) -> tuple[str, ...]:
    """Return the command that runs the script as it is, whatever of it looks like Kubernetes' own expansion.

    One that `hears` tells all that the script starts what only a pod's first process is told.
    """
    return ("/bin/sh", "-c", escape_expansion(HEARING % script if hears else script))


def changed(node: DagNode, *, first: Mapping[str, Any], **words: Any) -> DagNode:
    """Return the node with other words, and others in its first role."""
    kept = {name: getattr(node, name) for name in node.__struct_fields__ if name not in ROLE_WORDS}
    role = {name: getattr(node.roles[0], name) for name in Role.__struct_fields__}
    return DagNode(**{**kept, "roles": (Role(**{**role, **first}), *node.roles[1:]), **words})


def with_command(node: DagNode, command: str) -> DagNode:
    """Return the node with another job's command."""
    return changed(node, first={"command": shell(command, hears=True), "args": ()})


def _with_volumes(given: Words, volumes: Mapping[str, Any]) -> Words:
    """Add volumes to the first role's; what is no mapping there is left to the model's refusal."""
    roles = given.get("roles")
    if not volumes:
        return given
    if roles:
        first = roles[0]
        return {**given, "roles": [{**first, "volumes": {**volumes, **first.get("volumes", {})}}, *roles[1:]]}
    return {**given, "volumes": {**volumes, **given.get("volumes", {})}}


def refuse_unpassed(names: Iterable[str], node: DagNode) -> None:
    """Raise InvalidNode for variables of `envvars:` that the job's pod does not get: they may be secrets."""
    first = node.roles[0]
    missing = sorted(set(names) - first.env.keys())
    if missing and not first.env_from:  # its keys are the cluster's to know
        problem = f"{', '.join(missing)} would be readable in the job's object for whoever may read Jobs"
        remedy = "put them into a Secret of the cluster, and name it in env_from of the node file"
        raise InvalidNode(problem, field="envvars", remedy=remedy)
