"""Which of two resource versions is the later one. Pure.

Kubernetes promises since 1.35 that versions of one resource are integers that only grow, compared by length and then
by text so that their size does not matter (kubernetes/enhancements: keps/sig-api-machinery/5504-comparable-resource-
version). Servers before that document opaque texts and hold the same integers: the server itself reads every version
as a uint64 before it watches or lists (kubernetes: staging/src/k8s.io/apiserver/pkg/storage/api_object_versioner.go).
Versions of two kinds may not be compared.
"""

__all__ = ["is_later"]


def is_later(version: str, *, than: str) -> bool:
    """Tell whether `version` came after `than`, of the same kind.

    Texts that are no such integers (no server of the supported releases sends any) count as later, unless they are
    equal: whoever asks then hears a change twice rather than not at all.
    """
    if not (_is_number(version) and _is_number(than)):
        return version != than
    return (len(version), version) > (len(than), than)


def _is_number(version: str) -> bool:
    return version.isascii() and version.isdigit() and not version.startswith("0")
