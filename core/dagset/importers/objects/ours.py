"""What dagset itself wrote into the pods of an object that it made: the words say it again."""

from dagset.importers.objects.account import Part
from dagset.importers.report import Fate

__all__ = ["FRAMEWORKS", "rendezvous_of", "set_by_us"]

# The variables of each rendezvous (compile/rendezvous); the first of them is in no other's.
FRAMEWORKS = {
    "torch": (
        "PET_RDZV_ID", "PET_NNODES", "PET_NPROC_PER_NODE", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT",
        "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE",
    ),
    "jax": ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
}  # fmt: skip


def rendezvous_of(template: Part) -> str | None:
    """Return the rendezvous whose variables are in the first container of a pod."""
    names = _names(template)
    return next((framework for framework, marks in FRAMEWORKS.items() if marks[0] in names), None)


def set_by_us(template: Part) -> dict[str, tuple[Fate, str]]:
    """Return the variables in a pod that dagset wrote, and what to say of them."""
    found: dict[str, tuple[Fate, str]] = {
        name: ("mapped", "nothing: dagset sets it itself") for name in _names(template) if name.startswith("DAGSET_")
    }
    framework = rendezvous_of(template)
    marks = FRAMEWORKS[framework] if framework else ()
    return found | dict.fromkeys(marks, ("mapped", f"`rendezvous: {framework}`"))


def _names(template: Part) -> list[str]:
    containers = template.of("spec", "containers").parts()
    return [each.of("name").text() for each in containers[0].of("env").parts()] if containers else []
