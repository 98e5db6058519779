"""From a node to Kubernetes manifests: a pure function from values to plain dicts."""

from dagset.compile.bundle import Bundle, compile_node

__all__ = ["Bundle", "compile_node"]
