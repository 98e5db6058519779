"""This machine: Python, and whether what is installed of dagset, its adapters and their engines fits together."""

import sys
from collections.abc import Callable, Iterator
from importlib import metadata

from dagset.run.doctor.checked import Checked

__all__ = ["Installed", "check_machine", "installed_here"]

ADAPTERS = ("airflow-provider-dagset", "dagset-hera", "snakemake-executor-plugin-jobset")
# Each engine, and the adapter without which it knows no nodes.
ENGINES = {"apache-airflow": ADAPTERS[0], "hera": ADAPTERS[1], "snakemake": ADAPTERS[2]}

# The version of a distribution, None where it is not installed, and what it requires, as PEP 508 texts.
Installed = Callable[[str], tuple[str, list[str]] | None]


def installed_here(name: str) -> tuple[str, list[str]] | None:
    """Return what this Python has of a distribution."""
    try:
        return metadata.version(name), metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return None


def check_machine(installed: Installed = installed_here) -> Iterator[Checked]:
    """Yield Python, dagset and each adapter with what it needs, and engines that lack their adapter."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Checked("ok", "python", f"{version} ({sys.executable})")
    for name in ("dagset", *ADAPTERS):
        if (found := installed(name)) is not None:
            yield _fits(name, *found, installed=installed)
    for engine, adapter in ENGINES.items():
        found = installed(engine)
        if found is not None and installed(adapter) is None:
            remedy = f"pip install {adapter}, if its nodes are to be yours"
            yield Checked("ok", engine, f"{found[0]} is here without {adapter}", remedy)


def _fits(name: str, version: str, requires: list[str], *, installed: Installed) -> Checked:
    """Say whether what a distribution requires is there in a version that it takes."""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:  # only engines bring it
        return Checked("ok", name, version)
    wrong, engines = [], []
    for text in requires:
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        found = installed(needed.name)
        if found is None or not needed.specifier.contains(found[0], prereleases=True):
            wrong.append(f"{needed.name}{needed.specifier} (here: {found[0] if found else 'none'})")
        elif needed.name in ENGINES:
            engines.append(f"{needed.name} {found[0]}")
    if wrong:
        remedy = f"pip install --upgrade {name}, or the versions that it needs"
        return Checked("problem", name, f"{version} needs {', '.join(wrong)}", remedy)
    return Checked("ok", name, f"{version}{' with ' if engines else ''}{', '.join(engines)}")
