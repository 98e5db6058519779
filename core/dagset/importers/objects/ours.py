"""What dagset itself wrote into the pods of an object that it made: the words say it again."""

from dagset.compile.rendezvous import FRAMEWORKS
from dagset.importers.objects.account import Part
from dagset.importers.report import Fate
from dagset.model.role_checks import PROGRAMS_FOLDER

__all__ = ["own_command", "rendezvous_of", "set_by_us"]

STARTER = ["python3", "-u"]  # of a program that travels with the node


def rendezvous_of(template: Part) -> str | None:
    """Return the rendezvous whose variables are in the first container of a pod: the first of each is in no other's."""
    names = _names(template)
    return next((name for name, framework in FRAMEWORKS.items() if next(iter(framework.sources)) in names), None)


def set_by_us(template: Part) -> dict[str, tuple[Fate, str]]:
    """Return the variables in a pod that dagset wrote, and what to say of them."""
    found: dict[str, tuple[Fate, str]] = {
        name: ("mapped", "nothing: dagset sets it itself") for name in _names(template) if name.startswith("DAGSET_")
    }
    framework = rendezvous_of(template)
    marks = FRAMEWORKS[framework].sources if framework else ()
    return found | dict.fromkeys(marks, ("mapped", f"`rendezvous: {framework}`"))


def _names(template: Part) -> list[str]:
    containers = template.of("spec", "containers").parts()
    return [each.of("name").text() for each in containers[0].of("env").parts()] if containers else []


def own_command(command: list[str]) -> list[str]:
    """Return a command without the program of ours that starts it."""
    is_started = command[:2] == STARTER and command[2:3] and command[2].startswith(f"{PROGRAMS_FOLDER}/")
    return command[3:] if is_started else command
