"""The provider as Airflow sees it."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import entry_points, version

import dagset_airflow
from tests.airflow.page import PAGE

ROOT = PAGE.parents[1]


def test_provider_is_found_by_airflows_own_entry_point():
    (found,) = [point for point in entry_points(group="apache_airflow_provider") if point.value.startswith("dagset")]

    assert dagset_airflow.provider_info is found.load()
    assert found.load()()["package-name"] == found.dist.name
    assert found.load()()["versions"] == [version("airflow-provider-dagset")]


def test_airflow_lists_the_provider_of_the_wheels_where_nothing_else_of_ours_is_installed(airflow_environ, tmp_path):
    for member in ("core", "airflow_provider"):
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "wheels"]
        subprocess.run(build, cwd=ROOT / member, capture_output=True, check=True)
    for wheel in (tmp_path / "wheels").iterdir():
        zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    # The interpreter below the environment does not read the .pth files by which the clone is installed there.
    path = os.pathsep.join([str(tmp_path / "installed"), sysconfig.get_path("purelib")])
    shown = "import dagset_airflow.operators, runpy; print(dagset_airflow.operators.__file__)"
    code = f"{shown}; runpy.run_module('airflow', run_name='__main__')"
    command = [sys._base_executable, "-c", code, "providers", "list", "--output", "json"]
    environ = {**airflow_environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr[-3000:]

    *_, place, told = done.stdout.strip().splitlines()
    (found,) = [row for row in json.loads(told) if row["package_name"] == "airflow-provider-dagset"]
    expected = {
        "package_name": "airflow-provider-dagset",
        "description": "DAG nodes of many pods: Kubernetes JobSets and Indexed Jobs",
        "version": version("airflow-provider-dagset"),
    }
    assert (str(tmp_path / "installed" / "dagset_airflow" / "operators.py"), expected) == (place, found)


def test_what_the_provider_says_of_itself_fits_airflows_schema_and_is_there(probe):
    assert probe["provider"] is True


def test_links_are_made_of_templates_and_a_broken_setting_makes_none(probe):
    address = "https://d/ml/jobsets/train-1?JobSet&r%2B1&g.t&{x}"

    assert [[f"A b dagset_link_a_b {address}"], [], [], []] == probe["links"]
