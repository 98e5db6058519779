"""What the importer reads of each script, held against what a real slurmctld says it read."""

import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagset.errors import InvalidNode
from dagset.importers.directives import read_script
from dagset.importers.getopt import options_of
from dagset.importers.request import Request, last_ones, request_of
from tests.realcluster.fixtures import left_out
from tests.slurm.controller import Controller, running, why_not
from tests.slurm.corpus import SCRIPTS

pytestmark = pytest.mark.cluster
ENDLESS = "UNLIMITED"
# Where Slurm itself has changed since Debian's (22.05), we follow the newest.
SINCE_CHANGED = {
    "escaped-blank": "a backslash keeps a blank (SchedMD/slurm: src/sbatch/opt.c); 22.05 ends the word there"
}


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    if reason := why_not():
        left_out(reason)
    at = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    try:
        with running(at) as found:
            yield found
    finally:
        shutil.rmtree(at)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_is_read_as_slurm_reads_it(name: str, controller: Controller):
    script = controller.at / f"{name}.sh"
    script.write_bytes(SCRIPTS[name].encode())
    job, refusal = controller.submit(script)

    theirs, ours = slurm_says(job, controller) if job else "refused", we_say(SCRIPTS[name], name)
    if name in SINCE_CHANGED:
        assert theirs != ours, "Slurm reads it as we do now: take it out of SINCE_CHANGED"
    else:
        assert theirs == ours, refusal


def we_say(text: str, name: str) -> list[dict[str, object]] | str:
    """Return our reading of each component in Slurm's words; what only plugins have is a refusal to it."""
    try:
        components = [options_of(words) for words in read_script(text).components]
        if any(given.option is None or "container-" in given.name for options in components for given in options):
            return "refused"
        last = list(itertools.accumulate(components, lambda before, each: last_ones(each, before), initial={}))[1:]
        return [in_slurms_words(options, name) for options in last]
    except InvalidNode:
        return "refused"


def in_slurms_words(options: dict, name: str) -> dict[str, object]:
    """Return what scontrol would print of a request."""
    asked = request_of(options)
    values = {key: given.value for key, given in options.items()}
    of, mib = asked.memory or ("node", 0)
    return {
        "TimeLimit": asked.minutes or ENDLESS,
        "NumNodes": nodes_shown(asked, said="nodes" in options),
        "NumTasks": asked.tasks,
        "CPUs/Task": asked.cpus_per_task,
        "NtasksPerNode": asked.tasks_per_node or 0,
        "CpusPerTres": asked.cpus_per_gpu,
        "Memory": (of, mib),
        "TmpDisk": values.get("tmp", "0"),
        "Array": asked.array and (asked.array.ids, asked.array.limit),
        "Gpus": asked.gpus and (asked.gpus[0], asked.gpus[1].count, asked.gpus[1].kind),
        "Hosts": set(asked.hosts),
        "NotHosts": set(asked.not_hosts),
        "Requeue": "no-requeue" not in {given.name for given in options.values()},
        "JobName": values.get("job-name", f"{name}.sh"),
        "Comment": values.get("comment") or None,
        "Partition": values.get("partition", "debug"),
        "Features": values.get("constraint"),
        "WorkDir": values.get("chdir"),
        "OverSubscribe": shared(values),
    }


def shared(values: dict[str, str | None]) -> str:
    """Return what scontrol shows of --exclusive and --oversubscribe."""
    if "exclusive" in values:
        return (values["exclusive"] or "no").upper()
    return "YES" if "oversubscribe" in values else "OK"


def nodes_shown(asked: Request, *, said: bool) -> str:
    """Return the number of hosts as scontrol shows it: once, or as a range that begins with the most it may be."""
    return f"{asked.nodes_max}-{asked.nodes_max}" if said else str(asked.nodes)


def slurm_says(job: str, controller: Controller) -> list[dict[str, object]]:
    """Return what the controller has read, one mapping for each component."""
    shown = controller.run("scontrol", "-o", "show", "job", job).stdout
    return [of_line(line, controller) for line in shown.strip().split("\n")]


def of_line(line: str, controller: Controller) -> dict[str, object]:
    found = dict(re.findall(r"(\S+?)=(.*?)(?= +[\w/:]+=|\s*$)", line))
    per_tres = found.get("CpusPerTres")
    return {
        "TimeLimit": minutes(found["TimeLimit"]),
        "NumNodes": found["NumNodes"],
        "NumTasks": int(found["NumTasks"]),
        "CPUs/Task": int(found["CPUs/Task"]),
        "NtasksPerNode": int(found["NtasksPerN:B:S:C"].split(":")[0]),
        "CpusPerTres": int(per_tres.split(":")[-1]) if per_tres else None,
        "Memory": memory(found),
        "TmpDisk": found["MinTmpDiskNode"],
        "Array": array(found.get("ArrayTaskId")),
        "Gpus": gpus(found),
        "Hosts": hosts(found["ReqNodeList"], controller),
        "NotHosts": hosts(found["ExcNodeList"], controller),
        "Requeue": found["Requeue"] == "1",
        "JobName": found["JobName"],
        "Comment": found.get("Comment") or None,
        "Partition": found["Partition"],
        "Features": None if found["Features"] == "(null)" else found["Features"],
        "WorkDir": None if found["WorkDir"] == str(controller.at) else found["WorkDir"],
        "OverSubscribe": found["OverSubscribe"],
    }


def minutes(shown: str) -> int | str:
    if shown == ENDLESS:
        return shown
    days, _, clock = shown.rpartition("-")
    hours, minutes_, _ = map(int, clock.split(":"))
    return int(days or 0) * 1440 + hours * 60 + minutes_


def memory(found: dict[str, str]) -> tuple[str, int]:
    if "MemPerTres" in found:
        return "gpu", int(found["MemPerTres"].split(":")[-1])
    of, shown = ("cpu", found["MinMemoryCPU"]) if "MinMemoryCPU" in found else ("node", found["MinMemoryNode"])
    return of, int(shown.rstrip("MGT")) * {"M": 1, "G": 1024, "T": 1024**2}.get(shown[-1], 1)


def array(shown: str | None) -> tuple[tuple[int, ...], int | None] | None:
    if shown is None:
        return None
    ids, _, limit = shown.partition("%")
    pairs = [tuple(map(int, part.split("-"))) for part in ids.split(",")]
    return tuple(n for pair in pairs for n in range(pair[0], pair[-1] + 1)), int(limit) if limit else None


def gpus(found: dict[str, str]) -> tuple[str, int, str] | None:
    """Return of what, how many and of which types; that of each node before that of the job."""
    for key, of in (("TresPerNode", "node"), ("TresPerJob", "job"), ("TresPerTask", "task")):
        if key in found:
            each = [part.split(":")[2:] for part in found[key].split(",")]
            counts = [int(part[-1]) if part and part[-1].isdigit() else 1 for part in each]
            kinds = {part[0] for part in each if part and not part[0].isdigit()}
            return of, sum(counts), ",".join(sorted(kinds))
    return None


def hosts(shown: str, controller: Controller) -> set[str]:
    if shown == "(null)":
        return set()
    return set(controller.run("scontrol", "show", "hostnames", shown).stdout.split())
