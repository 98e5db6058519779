"""What importing dagset promises."""

import subprocess
import sys
import tomllib
from pathlib import Path

import dagset

ROOT = Path(__file__).parents[2]
MEMBERS = ("core", "airflow_provider", "hera_steps", "snakemake_executor")


def test_every_public_name_is_there():
    assert sorted(dagset.__all__) == sorted(name for name in dagset.__all__ if getattr(dagset, name) is not None)


def test_whole_run_needs_no_other_import():
    program = "import dagset; print(callable(dagset.run))"

    assert b"True\n" == subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout


def test_import_meets_no_engine_and_no_client():
    program = "import sys, dagset, dagset.cli.main; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )

    assert set() == loaded & {"kubernetes", "aiohttp", "airflow", "hera", "snakemake", "cryptography"}


def test_the_four_distributions_have_one_version():
    versions = {
        tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]["version"] for member in MEMBERS
    }

    assert {dagset.__version__} == versions


def test_a_node_that_is_written_in_python_costs_no_yaml():
    code = "import dagset, sys; dagset.DagNode(name='n', image='a'); print({'yaml', 'kubernetes'} & set(sys.modules))"

    assert "set()\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
