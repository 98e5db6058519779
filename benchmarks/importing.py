"""What `import dagset` and a first node cost a process, beside bare Python and the Kubernetes client."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.table import Row

__all__ = ["rows"]

REPEATS = 11
CASES = {
    "bare python": "pass",
    "import dagset": "import dagset",
    "first DagNode": "import dagset; dagset.DagNode(name='n', image='a')",
    "compiled": "import dagset; dagset.compile_node(dagset.DagNode(name='n', image='a'), dagset.Identity(owner='o'))",
    "import kubernetes": "import kubernetes.client",
}


def rows() -> Iterator[Row]:
    """Yield milliseconds of whole processes, taken in turns, over those of a bare interpreter."""
    times: dict[str, list[float]] = {case: [] for case in CASES}
    for _ in range(REPEATS):
        for case, code in CASES.items():
            times[case].append(_run_ms(code))
    bare, client = (statistics.median(times[case]) for case in ("bare python", "import kubernetes"))
    for case, target in (("import dagset", "<= 20"), ("first DagNode", "<= 100"), ("compiled", "")):
        ours = statistics.median(times[case]) - bare
        yield Row("start-up over bare python", case, "ms", ours, "import kubernetes", client - bare, target)


def _run_ms(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return 1000 * (time.perf_counter() - began)
