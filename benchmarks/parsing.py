"""What our operators add to the parsing of a DAG file, over Airflow itself, beside those of the cncf provider."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.table import Row

__all__ = ["rows"]

REPEATS = 5
# What every DAG file brings along: Airflow's own base of operators, settings and compatibility layer.
AIRFLOW = """
import time
from airflow.providers.common.compat import sdk
from airflow.sdk import DAG
for name in ("AirflowException", "AirflowFailException", "BaseOperator", "BaseOperatorLink", "XCOM_RETURN_KEY", "conf"):
    getattr(sdk, name)
with DAG("warm"):
    sdk.BaseOperator(task_id="t")
sdk.conf.getboolean("operators", "default_deferrable", fallback=False)
sdk.conf.get("dagset", "link_templates", fallback=None)
began = time.process_time()
"""
OURS = """
from dagset_airflow import JobSetOperator
with DAG("d"):
    JobSetOperator(task_id="t", image="i", pods=4, command=["true"])
"""
THEIRS = """
from airflow.providers.cncf.kubernetes.operators.job import KubernetesJobOperator
with DAG("d"):
    KubernetesJobOperator(task_id="t", image="i", parallelism=4, cmds=["true"])
"""
TOLD = "\nprint('took', 1000 * (time.process_time() - began))\n"


def rows() -> Iterator[Row]:
    """Yield milliseconds of CPU until the first task is made, in processes that have Airflow already."""
    with tempfile.TemporaryDirectory(prefix="dagset-parsing-") as home:
        times = [(_took_ms(OURS, home=home), _took_ms(THEIRS, home=home)) for _ in range(REPEATS)]
    ours, theirs = (statistics.median(each) for each in zip(*times, strict=True))
    yield Row("parse a DAG over Airflow", "first task", "CPU ms", ours, "KubernetesJobOperator", theirs, "<= 60")


def _took_ms(code: str, *, home: str) -> float:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        [sys.executable, "-c", AIRFLOW + code + TOLD],
        env={**environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.rpartition("took ")[2])
