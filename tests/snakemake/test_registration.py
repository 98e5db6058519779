"""The plugin as Snakemake sees it at every start, whichever executor is used."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import fields
from pathlib import Path

from snakemake_executor_plugin_jobset import ExecutorSettings

ROOT = Path(__file__).parents[2]

SAY_WHAT_IS_THERE = """
import sys
from snakemake.cli import parse_args
try:
    parse_args(["--help"])
finally:
    packages = {name.split(".")[0] for name in sys.modules}
    print("clients:", sorted(packages & {"dagset", "kubernetes", "msgspec", "yaml", "aiohttp", "urllib3"} - HOSTS_OWN))
"""


def test_snakemake_offers_the_executor_and_meets_no_client():
    hosts_own = {"yaml", "aiohttp", "urllib3"}  # may be Snakemake's own, for its other plugins
    script = SAY_WHAT_IS_THERE.replace("HOSTS_OWN", repr(hosts_own))

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "--jobset-cluster" in run.stdout
    assert "clients: []" in run.stdout


SAY_WHAT_IT_BRINGS = """
import sys
import snakemake_interface_executor_plugins.executors.remote, snakemake_interface_executor_plugins.utils
before = set(sys.modules)
import snakemake_executor_plugin_jobset
brought = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(brought - set(sys.stdlib_module_names)))
"""


def test_every_start_of_snakemake_brings_nothing_but_the_plugin_itself():
    run = subprocess.run([sys.executable, "-c", SAY_WHAT_IT_BRINGS], capture_output=True, text=True, check=True)

    assert "['snakemake_executor_plugin_jobset']\n" == run.stdout


def test_the_version_is_said_without_a_client():
    command = [sys.executable, "-X", "importtime", "-m", "snakemake", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in run.stderr.splitlines()}
    assert "snakemake_executor_plugin_jobset" in imported
    assert set() == imported & {"kubernetes", "dagset", "msgspec"}


def test_the_wheels_alone_offer_every_setting_and_bring_what_runs_in_the_pods(tmp_path: Path):
    for member in ("core", "snakemake_executor"):
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "wheels"]
        subprocess.run(build, cwd=ROOT / member, capture_output=True, check=True)
    for wheel in (tmp_path / "wheels").iterdir():
        zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    # The interpreter below the environment does not read the .pth files by which the clone is installed there.
    path = os.pathsep.join([str(tmp_path / "installed"), sysconfig.get_path("purelib")])
    code = "import runpy, sys; sys.argv[1:] = ['--executor', 'jobset', '--help']; "
    code += "from snakemake_executor_plugin_jobset import table; print(table.__file__, table.SCRIPT.exists()); "
    command = [sys._base_executable, "-c", code + "runpy.run_module('snakemake', run_name='__main__')"]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert 0 == run.returncode, run.stderr[-3000:]
    module = tmp_path / "installed" / "snakemake_executor_plugin_jobset" / "table.py"
    assert f"{module} True" == run.stdout.splitlines()[0]
    options = [f"--jobset-{field.name.replace('_', '-')}" for field in fields(ExecutorSettings)]
    assert [] == [option for option in options if option not in run.stdout]
