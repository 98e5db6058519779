"""What a script uses that needs Slurm, a site's set-up or one host, and is not, or not so, in a pod."""

import re
from collections.abc import Collection, Iterator

from dagset.importers.variables import IN_PODS

__all__ = ["commands_in"]

NO_MPI = "finds no hosts by itself in a pod: srun starts the tasks, but no MPI between pods"
SOFTWARE = "is not in the pods, unless the image has it: choose an image with the software"
MISSING = {
    **dict.fromkeys(("sbatch", "salloc"), "is not in the pods: draw the next step as a node of the graph"),
    **dict.fromkeys(("squeue", "sacct", "sinfo", "sstat", "sprio", "seff"), "is not in the pods: dagset status tells"),
    "scancel": "is not in the pods: exit non-zero, which ends a gang",
    "sbcast": "is not in the pods: put the file into an image or a volume",
    **dict.fromkeys(("module", "ml", "conda", "mamba", "spack"), SOFTWARE),
    **dict.fromkeys(("mpirun", "mpiexec"), NO_MPI),
    "scontrol requeue": "does not work in a pod: exit non-zero, for `restarts` or the engine's retries",
    "scontrol": "works in a pod for `show hostnames` alone: dagset status, suspend, resume and cancel do the rest",
}
COMMAND = re.compile(
    r"(?:^|[;&|(`{]|\b(?:then|do|else)\b)\s*(?:(?:exec|time|\w+=\S*)\s+)*"  # where a command stands
    rf"({'|'.join(MISSING)})(?![^\s;&|)`])(\s+show\s+hostnames?\b)?"
)
# A variable of Slurm's or of a site's that no pod may have; one with a value behind :- is taken care of.
VARIABLE = re.compile(r"\$\{?(SLURM_\w+|SLURMD_\w+|SCRATCH|WORK|PROJECT)\b(?!:?-)")
ITS_OWN = re.compile(r"\b(?:for|read)\s+(\w+)|\b(\w+)=")  # what the script itself sets
UNSET = "is not set in a pod: give it with --export=NAME=value"
IN_EACH_POD = {
    "$RANDOM": "differs from pod to pod, as the script runs in each; SLURM_JOB_ID is the same in all",
    "$(srun": "gives a pod what its own tasks print, and nothing where none runs",
    "srun --mpi": "has no effect: tasks of several pods find each other by their host names alone, there is no PMI",
}
OF_A_GANG = re.compile(
    r"(\$RANDOM\b|\$\(\s*srun\b(?![^)]*\shostname\s+(?:-[iI]|--(?:all-)?ip-address(?:es)?)\s*\)))|\bsrun\s[^;&|]*--mpi\b"
)


def commands_in(script: str, *, is_gang: bool, variables: Collection[str]) -> Iterator[tuple[int, str, str]]:
    """Yield line, what stands there and what to do about it; the first of each kind.

    Args:
        script: its text.
        is_gang: whether it runs in several pods at once.
        variables: names of those that its pods have by the node's own words.
    """
    seen = {f"${name}" for name in (*variables, *IN_PODS, *filter(None, sum(ITS_OWN.findall(script), ())))}
    for number, line in enumerate(script.split("\n"), start=1):
        if line.lstrip().startswith("#"):
            continue
        for what, why in _told(line, is_gang=is_gang):
            if what not in seen:
                seen.add(what)
                yield number, what, why


def _told(line: str, *, is_gang: bool) -> Iterator[tuple[str, str]]:
    for match in COMMAND.finditer(line):
        if match[2] is None:
            yield match[1], MISSING[match[1]]
    for match in VARIABLE.finditer(line):
        yield f"${match[1]}", UNSET
    if is_gang:
        for match in OF_A_GANG.finditer(line):
            what = re.sub(r"\s", "", match[1] or "") or "srun --mpi"
            yield what, IN_EACH_POD[what]
