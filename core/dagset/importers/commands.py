"""Commands in a script that need Slurm or a site's set-up, and are not in a pod."""

import re
from collections.abc import Iterator

__all__ = ["commands_in"]

NO_MPI = "finds no hosts by itself in a pod: srun starts the tasks, but no MPI between pods"
MISSING = {
    **dict.fromkeys(("sbatch", "salloc"), "is not in the pods: draw the next step as a node of the graph"),
    **dict.fromkeys(("squeue", "sacct", "sinfo", "sstat", "sprio"), "is not in the pods: see docs/slurm.md"),
    **dict.fromkeys(("scancel",), "is not in the pods: exit non-zero, which ends a gang"),
    **dict.fromkeys(("sbcast",), "is not in the pods: put the file into an image or a volume"),
    **dict.fromkeys(("module", "ml"), "is not in the pods, unless the image has it: choose an image with the software"),
    **dict.fromkeys(("mpirun", "mpiexec"), NO_MPI),
}
WORD = re.compile(rf"(?:^|[;&|(`])\s*(?:exec\s+|time\s+)?({'|'.join(MISSING)})(?=\s|$|\))")


def commands_in(script: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, command and what to do, for each that stands where a command stands; the first of each kind."""
    seen: set[str] = set()
    for number, line in enumerate(script.split("\n"), start=1):
        if line.lstrip().startswith("#"):
            continue
        for match in WORD.finditer(line):
            if match[1] not in seen:
                seen.add(match[1])
                yield number, match[1], MISSING[match[1]]
