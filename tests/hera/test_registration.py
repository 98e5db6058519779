"""The package as Hera's users meet it."""

import subprocess
import sys

from hera.workflows import Resource

import dagset_hera


def test_its_template_is_one_of_hera_s_own():
    assert ["JobSetResource", "JobSetTask", "RETRY_EXPRESSION", "cleanup"] == dagset_hera.__all__
    assert issubclass(dagset_hera.JobSetResource, Resource)


def test_importing_it_meets_no_kubernetes_client():
    code = "import sys, dagset_hera; print([m for m in sys.modules if m.split('.')[0] in ('kubernetes', 'aiohttp')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert "[]\n" == done.stdout
