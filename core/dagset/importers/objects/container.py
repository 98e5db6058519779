"""The container that is the pod's program, in the words of a role."""

import re
from collections.abc import Mapping
from typing import Any

from dagset import constants
from dagset.importers.objects.account import Part
from dagset.importers.objects.patches import Tree, keep
from dagset.importers.objects.resources import resource_words
from dagset.importers.report import Fate

__all__ = ["container_words", "main_container"]

SAME = {"image": "image", "command": "command", "args": "args", "workingDir": "working_dir"}
HANDLED = {"name", "env", "envFrom", "resources", "securityContext", "volumeMounts", "volumeDevices", *SAME}
# What compile writes on every container.
ALWAYS = {"terminationMessagePolicy": "FallbackToLogsOnError"}
POLICIES = ("Always", "IfNotPresent", "Never")
REFERENCE = re.compile(r"(?<!\$)(?:\$\$)*\$\(([^()]+)\)")
IS_MAIN = "the container is called `main`"
SIDECAR = "`pod_patch`: beside `main`; a pod ends when all of its containers have ended"


def main_container(spec: Part, names: tuple[str, ...]) -> tuple[Part, list[Part]]:
    """Return the container that is the pod's program, and those beside it.

    Args:
        spec: of the pod.
        names: how it may be called, the first that is there counts; else it is the first container.

    Raises:
        InvalidNode: there is none.
    """
    containers = spec.of("containers").parts()
    if not containers:
        raise spec.of("containers").refused("holds no container", "name an image")
    named = {each.of("name").text(): each for each in reversed(containers)}
    main = next((named[name] for name in names if name in named), containers[0])
    return main, [each for each in containers if each is not main]


def container_words(container: Part, patch: Tree, *, set_for_it: Mapping[str, tuple[Fate, str]]) -> Tree:
    """Return the words; what they cannot say is put into `patch`, the part of the pod's patch for this container.

    Args:
        set_for_it: names of variables that the words of the node set already, and what to say of them.
    """
    words: Tree = {}
    is_main = container.of("name").value == constants.MAIN_CONTAINER
    container.of("name").told("mapped" if is_main else "approximated", IS_MAIN)
    for key, word in SAME.items():
        if (part := container.of(key)) and part.value != []:
            words[word] = part.told("mapped", f"`{word}`")
    words |= _variables(container, patch, set_for_it)
    words |= resource_words(container, patch)
    pull = container.of("imagePullPolicy")
    if pull.value in POLICIES:
        words["image_pull_policy"] = pull.told("mapped", "`image_pull_policy`")
    for part in container.of("securityContext").parts():
        key = str(part.path[-1])
        if key in constants.OF_CONTAINER:
            words.setdefault("security_context", {})[key] = part.told("mapped", "`security_context`")
        else:  # as a word it would be the pod's, and so every container's
            keep(part, patch, ("securityContext", key))
    for key, value in ALWAYS.items():
        if container.of(key).value == value:
            container.of(key).told("mapped", "nothing: every node says this")
    for part in container.parts():
        key = str(part.path[-1])
        is_said = (
            key in HANDLED or part.value == ALWAYS.get(key) or (key == "imagePullPolicy" and part.value in POLICIES)
        )
        if not is_said:
            keep(part, patch, (key,))
    return words


def _variables(container: Part, patch: Tree, set_for_it: Mapping[str, tuple[Fate, str]]) -> Tree:
    """Return `env` and `env_from`; what has its value from elsewhere goes into the patch, and what refers to that."""
    words: Tree = {}
    entries = container.of("env").parts()
    last = {entry.of("name").text(): entry for entry in entries}
    patched: dict[str, Any] = {}
    for entry in entries:
        name = entry.of("name").text()
        if name in set_for_it:
            entry.told(*set_for_it[name])
        elif last[name] is not entry:
            entry.told("ignored", "said again further on, and the last one counts")
        elif set(entry.mapping()) <= {"name", "value"} and not _refers(entry.of("value").text(), patched):
            words.setdefault("env", {})[name] = entry.of("value").text()
            entry.told("mapped", "`env`")
        else:
            patched[name] = entry.told("mapped", "`pod_patch`, word for word")
    if patched:
        patch["env"] = list(patched.values())
    sources = [_source(part) for part in container.of("envFrom").parts()]
    if None in sources:
        keep(container.of("envFrom"), patch, ("envFrom",))
    elif sources:
        words["env_from"] = sources
        container.of("envFrom").told("mapped", "`env_from`")
    return words


def _refers(value: str, names: dict[str, Any]) -> bool:
    """Whether Kubernetes would put one of these variables into a value: only earlier ones of the list are."""
    return bool(names.keys() & set(REFERENCE.findall(value)))


def _source(part: Part) -> Tree | None:
    """Return an entry of `env_from`, None for one that it cannot say."""
    prefix = part.of("prefix").text()
    for key, word in (("secretRef", "secret"), ("configMapRef", "config_map")):
        reference = part.of(key)
        is_simple = set(part.mapping()) <= {"prefix", key} and set(reference.mapping()) <= {"name", "optional"}
        if reference and is_simple:
            optional = {"optional": True} if reference.of("optional").is_true() else {}
            return {word: reference.of("name").text(), **({"prefix": prefix} if prefix else {}), **optional}
    return None
