"""From objects of Kubernetes, and of operators, to a node: Part by Part, each told of in an Account."""

from dagset.importers.objects.manifest import KINDS, import_object

__all__ = ["KINDS", "import_object"]
