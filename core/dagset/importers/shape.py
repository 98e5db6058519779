"""From what a script asks for to pods: how many, with how many tasks, and what each needs."""

from dataclasses import dataclass

from dagset.errors import InvalidNode
from dagset.importers.request import Request

__all__ = ["Shape", "counted", "shape_of"]


@dataclass(frozen=True, slots=True)
class Shape:
    """The pods of one component (of one task of an array); `tasks` are those of each pod, the largest first."""

    tasks: tuple[int, ...]
    cpus: int
    memory_mib: int | None
    gpus: int
    gpu_kind: str

    @property
    def pods(self) -> int:
        """How many pods."""
        return len(self.tasks)


def shape_of(request: Request) -> Shape:
    """Return the pods for a request; tasks are spread evenly, each pod gets what the fullest one needs.

    Raises:
        InvalidNode: a number of GPUs that does not divide among the pods.
    """
    pods = request.nodes
    each, more = divmod(request.tasks, pods)
    tasks = tuple(each + (index < more) for index in range(pods))
    gpus = _gpus_of_a_pod(request, tasks[0])
    cpus = max(tasks[0], 1) * request.cpus_per_task
    if request.cpus_per_gpu is not None and gpus:
        cpus = max(cpus, gpus * request.cpus_per_gpu)
    return Shape(tasks, cpus, _memory(request, cpus, gpus), gpus, request.gpus[1].kind if request.gpus else "")


def counted(numbers: tuple[int, ...]) -> str:
    """Return numbers as Slurm counts them: 2,2,2,1 is 2(x3),1."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][0] == number:
            found[-1][1] += 1
        else:
            found.append([number, 1])
    return ",".join(f"{number}(x{times})" if times > 1 else f"{number}" for number, times in found)


def _gpus_of_a_pod(request: Request, tasks: int) -> int:
    if request.gpus is None:
        return 0
    of, gpus = request.gpus
    if of == "job" and gpus.count % request.nodes:
        problem = f"{gpus.count} GPUs cannot be divided among {request.nodes} pods, which are all alike"
        raise InvalidNode(problem, field="--gpus", remedy="write --gpus-per-node")
    return {"node": gpus.count, "job": gpus.count // request.nodes, "task": gpus.count * tasks}[of]


def _memory(request: Request, cpus: int, gpus: int) -> int | None:
    if request.memory is None:
        return None
    of, mib = request.memory
    return mib * {"node": 1, "cpu": cpus, "gpu": gpus}[of] or None
