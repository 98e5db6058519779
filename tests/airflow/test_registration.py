"""The provider as Airflow sees it."""

from importlib.metadata import entry_points, version

import dagset_airflow


def test_provider_is_found_by_airflows_own_entry_point():
    (found,) = [point for point in entry_points(group="apache_airflow_provider") if point.value.startswith("dagset")]

    assert dagset_airflow.provider_info is found.load()
    assert found.load()()["package-name"] == found.dist.name
    assert found.load()()["versions"] == [version("airflow-provider-dagset")]
