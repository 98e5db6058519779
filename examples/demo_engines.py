"""The iris node through every engine, on the local cluster: `make demo-engines`. Ends with a table on stdout.

Argo has no engine on this machine: its workflow is rendered and held against Argo's own CRD, where an unknown field is
an error.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

EXAMPLES = Path(__file__).parent
ROOT = EXAMPLES.parent
BIN = Path(sys.executable).parent
ACCURACY = "test accuracy 0.967 (29 of 30)"


def engines(folder: Path) -> Iterator[tuple[str, list[list[str | Path]], str]]:
    """Yield each engine's name, its commands, and the text that shows that the node has succeeded."""
    yield "command line", [[BIN / "dagset", "run", EXAMPLES / "iris" / "node.yaml"]], ACCURACY
    airflow = BIN / "airflow"
    yield (
        "Airflow",
        [[airflow, "db", "migrate"], [airflow, "dags", "test", "iris"]],
        "succeeded with 4 pods, 0 restarts",
    )
    yield "Airflow (many)", [[airflow, "dags", "test", "many"]], "failed_indexes: 1"
    snakefile = EXAMPLES / "snakemake" / "Snakefile"
    snakemake: list[str | Path] = [BIN / "snakemake", "--executor", "jobset", "--jobs", "2", "--snakefile", snakefile]
    yield (
        "Snakemake",
        [[*snakemake, "--directory", folder / "snakemake"], ["cat", folder / "snakemake/accuracy.txt"]],
        ACCURACY,
    )
    schema = ROOT / "tests" / "hera" / "test_schema.py"
    yield "Argo (schema)", [[sys.executable, "-m", "pytest", "-q", "-rs", schema]], " passed"


def surroundings(folder: Path) -> dict[str, str]:
    """Return the environment, with an Airflow of its own: no network, no examples, nobody else's settings."""
    bundle = {"name": "examples", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    bundles = [{**bundle, "kwargs": {"path": str(EXAMPLES / "airflow")}}]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return clean | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
    }


def succeeds(commands: list[list[str | Path]], shows: str, environ: dict[str, str]) -> bool:
    """Run the commands, their output on stderr, and tell whether all went well and `shows` was seen."""
    output = ""
    for command in commands:
        run = subprocess.run(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        output += run.stdout.decode(errors="replace")
        if run.returncode != 0:
            break
    print(output, file=sys.stderr)
    return run.returncode == 0 and shows in output


def main() -> None:
    """Run all engines, one after the other; exit 1 when one of them did not succeed."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="dagset-engines-") as name:
        folder = Path(name)
        environ = surroundings(folder)
        for engine, commands, shows in engines(folder):
            print(f"--- {engine}", file=sys.stderr, flush=True)
            began = time.monotonic()
            verdict = "success" if succeeds(commands, shows, environ) else "FAILED"
            rows.append((engine, verdict, f"{time.monotonic() - began:.1f}"))
    for row in [("engine", "verdict", "seconds"), *rows]:
        print("{:15} {:8} {:>7}".format(*row))
    sys.exit(any(verdict != "success" for _, verdict, _ in rows))


if __name__ == "__main__":
    main()
