"""The plugin as Snakemake sees it at every start, whichever executor is used."""

import subprocess
import sys

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
