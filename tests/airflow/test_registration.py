"""The provider as Airflow sees it."""

import json
import subprocess
import sys
from importlib.metadata import entry_points, version

import dagset_airflow


def test_provider_is_found_by_airflows_own_entry_point():
    (found,) = [point for point in entry_points(group="apache_airflow_provider") if point.value.startswith("dagset")]

    assert dagset_airflow.provider_info is found.load()
    assert found.load()()["package-name"] == found.dist.name
    assert found.load()()["versions"] == [version("airflow-provider-dagset")]


def test_airflow_lists_the_provider(airflow_environ):
    command = [sys.executable, "-m", "airflow", "providers", "list", "--output", "json"]
    done = subprocess.run(command, env=airflow_environ, capture_output=True, text=True, check=True)

    (found,) = [row for row in json.loads(done.stdout) if row["package_name"] == "airflow-provider-dagset"]
    assert {
        "package_name": "airflow-provider-dagset",
        "description": "DAG nodes of many pods: Kubernetes JobSets and Indexed Jobs",
        "version": version("airflow-provider-dagset"),
    } == found


def test_what_the_provider_says_of_itself_fits_airflows_schema_and_is_there(probe):
    assert probe["provider"] is True


def test_links_are_made_of_templates_and_a_broken_setting_makes_none(probe):
    address = "https://d/ml/jobsets/train-1?JobSet&r%2B1&g.t&{x}"

    assert [[f"A b dagset_link_a_b {address}"], [], [], []] == probe["links"]
