"""Slurm's --dependency in the words of each engine: the graph is the engine's, a node knows nothing of it."""

import re

__all__ = ["dependency_words"]

# Type: what it waits for, then the same in Airflow, Argo and Snakemake.
ENDS = {
    "afterok": ("succeeded", "trigger_rule all_success", "depends X.Succeeded", "the rule's input"),
    "afterany": ("ended", "trigger_rule all_done", "depends X", "no such order: run it from onsuccess and onerror"),
    "afternotok": ("failed", "trigger_rule one_failed", "depends X.Failed", "no such order: run it from onerror"),
    "after": ("started", "no such order: a sensor", "no such order: start both", "no such order: start both"),
    "aftercorr": ("succeeded, index by index", "mapped tasks", "withItems in one DAG", "a wildcard in input"),
    "afterburstbuffer": ("staged out", "a task of its own", "a step of its own", "a rule of its own"),
    "expand": ("given away its hosts", "no such thing", "no such thing", "no such thing"),
    "singleton": ("ended, of the same name", "max_active_tis_per_dag=1 or a pool of 1", "a mutex", "resources: x=1"),
}


def dependency_words(value: str) -> str:
    """Return what a dependency waits for, and how each engine says it."""
    kinds = list(dict.fromkeys(re.findall(r"[a-z]+", re.sub(r":[^,?]*", "", value))))
    told = []
    for kind in kinds:
        if kind in ENDS:
            ends, airflow, argo, snakemake = ENDS[kind]
            told.append(f"{kind} ({ends}): Airflow {airflow}; Argo {argo}; Snakemake {snakemake}")
        else:
            told.append(f"{kind}: no dependency of Slurm's")
    any_of = " One of them is enough (?): Airflow one_success; Argo ||." if "?" in value else ""
    return f"nothing, draw it in the engine. {'. '.join(told)}.{any_of}"
