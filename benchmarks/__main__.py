"""Run the benchmarks named on the command line, all without names."""

import sys
from pathlib import Path

from benchmarks import (
    airflow_waiting,
    argo_waiting,
    arrays,
    compiling,
    following,
    idling,
    importing,
    parsing,
    rendezvous,
    snakemake_jobs,
    starting,
)
from benchmarks.table import table, write

BENCHMARKS = {
    "airflow_waiting": airflow_waiting.rows,
    "argo_waiting": argo_waiting.rows,
    "arrays": arrays.rows,
    "compiling": compiling.rows,
    "following": following.rows,
    "idling": idling.rows,
    "importing": importing.rows,
    "parsing": parsing.rows,
    "rendezvous": rendezvous.rows,
    "snakemake_jobs": snakemake_jobs.rows,
    "starting": starting.rows,
}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    found = []
    for name in chosen:
        print(f"measuring: {name}", file=sys.stderr)
        found += BENCHMARKS[name]()
    print(table(found))
    if not sys.argv[1:]:
        write(found, Path(__file__).parent / "results.json")
