"""What a batch script asks for, as Slurm reads it: compared with a real controller in tests/slurm."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from dagset.errors import InvalidNode
from dagset.importers.amounts import Array, Gpus, array_of, count_of, gpus_of, hosts_of, mib_of, minutes_of, nodes_of
from dagset.importers.getopt import Given
from dagset.importers.options import CARRIED

__all__ = ["Request", "last_ones", "request_of"]

T = TypeVar("T")
MEMORY = {"mem": "node", "mem-per-cpu": "cpu", "mem-per-gpu": "gpu"}
GPUS = {"gres": "node", "gpus-per-node": "node", "gpus": "job", "gpus-per-task": "task"}


@dataclass(frozen=True, slots=True)
class Request:
    """One component of a job.

    Attributes:
        nodes, nodes_max: hosts at least and at most; equal unless -N gave a range.
        tasks, tasks_per_node, tasks_said: how many; the second None unless said; whether the script said either.
        memory: of what ("node", "cpu" or "gpu") and MiB, 0 for all of a host.
        gpus: of what ("node", "job" or "task") and how many.
        minutes: the time limit, None for none.
    """

    nodes: int
    nodes_max: int
    tasks: int
    tasks_per_node: int | None
    tasks_said: bool
    cpus_per_task: int
    cpus_per_gpu: int | None
    memory: tuple[str, int] | None
    gpus: tuple[str, Gpus] | None
    other_gres: tuple[str, ...]
    minutes: int | None
    array: Array | None
    hosts: tuple[str, ...]
    not_hosts: tuple[str, ...]


def last_ones(options: Iterable[Given], before: Mapping[str, Given] | None = None) -> dict[str, Given]:
    """Return each option as it counts: where one is repeated, the last. What excludes each other is one option.

    Args:
        options: of one component, in their order.
        before: those that count of the component before, of which some count here too.
    """
    found = {name: each for name, each in (before or {}).items() if name in CARRIED}
    for each in options:
        name = {"tasks-per-node": "ntasks-per-node", "no-requeue": "requeue"}.get(each.name, each.name)
        found.pop(name, None)
        found[name] = each
    return found


def request_of(options: dict[str, Given]) -> Request:
    """Return what the options ask for.

    Raises:
        InvalidNode: a value that sbatch refuses, or options that exclude each other.
    """

    def read(name: str, parse: Callable[[str], T]) -> T | None:
        return _read(options[name], parse) if name in options else None

    per_node = read("ntasks-per-node", count_of)
    gpus, others = _gpus(options)
    hosts = read("nodelist", _named_hosts) or ()
    tasks_said = read("ntasks", count_of) or _tasks_of_gpus(options, gpus, read("ntasks-per-gpu", count_of), per_node)
    least, most = _nodes(read("nodes", nodes_of), tasks_said, per_node, hosts)
    tasks = tasks_said or (least * per_node if per_node else least if "nodes" in options or hosts else 1)
    return Request(
        nodes=least,
        nodes_max=most,
        tasks=tasks,
        tasks_per_node=per_node,
        tasks_said=tasks_said is not None or per_node is not None,
        cpus_per_task=read("cpus-per-task", count_of) or 1,
        cpus_per_gpu=read("cpus-per-gpu", count_of),
        memory=_memory(options),
        gpus=gpus,
        other_gres=others,
        minutes=read("time", minutes_of),
        array=read("array", array_of),
        hosts=hosts,
        not_hosts=read("exclude", _named_hosts) or (),
    )


def _read(given: Given, parse: Callable[[str], T]) -> T:
    """Read a value, or say in which line which option has one that cannot be read."""
    try:
        return parse(given.value or "")
    except InvalidNode as error:
        where = f"line {given.line}" if given.line else "--with"
        raise error.at(f"{where}: {given.spelled}") from None


def _named_hosts(text: str) -> tuple[str, ...]:
    """Return the hosts of a list; none of a file's, which is what a value with a slash is to Slurm."""
    return () if "/" in text else hosts_of(text)


def _tasks_of_gpus(
    options: dict[str, Given], gpus: tuple[str, Gpus] | None, per_gpu: int | None, per_node: int | None
) -> int | None:
    """Return how many tasks follow from the GPUs, None where hosts decide."""
    if gpus is None or per_node is not None:
        return None
    if per_gpu is not None:
        return per_gpu * gpus[1].count
    if "gpus" in options and "gpus-per-task" in options:
        each = _read(options["gpus-per-task"], lambda text: gpus_of(text, in_gres=False))[0].count
        return max(gpus[1].count // max(each, 1), 1)
    return None


def _nodes(
    said: tuple[int, int] | None, tasks: int | None, per_node: int | None, hosts: tuple[str, ...]
) -> tuple[int, int]:
    """Return the least and the largest number of hosts; more hosts than tasks are not used."""
    if said is None:
        packed = math.ceil(tasks / per_node) if tasks and per_node else 1
        least = max(packed, len(hosts), 1)
        return least, least
    least, most = said
    return (min(least, tasks), min(most, tasks)) if tasks else (least, most)


def _memory(options: dict[str, Given]) -> tuple[str, int] | None:
    given = [options[name] for name in MEMORY if name in options]
    if len(given) > 1:
        spelled = " and ".join(each.spelled for each in given)
        raise InvalidNode(f"{spelled} exclude each other", field=f"line {given[-1].line}", remedy="leave one of them")
    return (MEMORY[given[0].name], _read(given[0], mib_of)) if given else None


def _gpus(options: dict[str, Given]) -> tuple[tuple[str, Gpus] | None, tuple[str, ...]]:
    """Return what is said of GPUs, that of each node first, and the other resources of --gres."""
    found: tuple[str, Gpus] | None = None
    others: tuple[str, ...] = ()
    for name, of in GPUS.items():
        if name in options:
            gpus, beside = _read(options[name], lambda text, name=name: gpus_of(text, in_gres=name == "gres"))  # type: ignore[misc]
            others += beside
            if gpus.count and found is None:
                found = (of, gpus)
    return found, others
