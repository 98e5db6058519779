"""What a container asks for, in the words of a role; what they cannot say exactly stays in the patch."""

import re
from collections.abc import Callable

from dagset.errors import InvalidNode
from dagset.importers.objects.account import Part
from dagset.importers.objects.patches import Tree, keep
from dagset.model.quantity import cpu_millis, cpu_text, memory_bytes

__all__ = ["fits", "resource_words"]

ACCELERATOR = re.compile(r"[a-z0-9.-]+/.*(gpu|tpu|neuron|hpu).*")
COUNT = re.compile(r"\d{1,9}")


def fits(read: Callable[[str], object], value: object) -> bool:
    """Whether the model reads an amount; Kubernetes knows more spellings (1e3, 100m of memory)."""
    try:
        read(value)  # type: ignore[arg-type]
    except InvalidNode:
        return False
    return True


def resource_words(container: Part, patch: Tree) -> Tree:
    """Return the words; a limit without a request is a request too, as Kubernetes has it.

    Source: kubernetes/kubernetes: pkg/apis/core/v1/defaults.go (SetDefaults_Pod).
    """
    words: Tree = {}
    requests, limits = container.of("resources", "requests"), container.of("resources", "limits")
    names = dict.fromkeys([*requests.mapping(), *limits.mapping()])
    for name in names:
        asked, limit = requests.of(name), limits.of(name)
        found = _words(name, asked.value if asked else limit.value, limit.value)
        if found is None or found.keys() & words.keys():
            for part, kind in ((asked, "requests"), (limit, "limits")):
                keep(part, patch, ("resources", kind, name))
            continue
        words |= found
        for part in (asked, limit):
            part.told("mapped", ", ".join(f"`{word}`" for word in found))
    for part in container.of("resources").parts():
        if part.path[-1] not in ("requests", "limits", "claims"):
            keep(part, patch, ("resources", str(part.path[-1])))
    return words


def _words(name: str, asked: object, limit: object) -> Tree | None:
    """Return the words for one resource, None where they would say another thing."""
    if name == "cpu" and fits(cpu_millis, asked):
        if limit is None:
            return {"cpu": _cpus(asked)}
        return {"cpu": _cpus(asked), "cpu_limit": _cpus(limit)} if fits(cpu_millis, limit) else None
    if name in ("memory", "ephemeral-storage") and fits(memory_bytes, asked) and fits(memory_bytes, limit):
        word = name.replace("-", "_")
        if asked == limit:
            return {word: asked}
        return {"memory": asked, "memory_limit": limit} if name == "memory" else None
    if ACCELERATOR.fullmatch(name) and asked == limit and COUNT.fullmatch(str(asked)) and int(str(asked)):
        kind = {} if name == "nvidia.com/gpu" else {"gpu_kind": name}
        return {"gpu": int(str(asked)), **kind}
    return None


def _cpus(value: object) -> int | str:
    """Return whole cpus as a number, others as Kubernetes spells them."""
    text = cpu_text(value)  # type: ignore[arg-type]
    return int(text) if text.isdecimal() else text
