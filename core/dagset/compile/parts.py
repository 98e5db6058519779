"""The objects beside the owner: the node's files, a plain Job's host names, and what a rendezvous brings along."""

from typing import Any

from dagset import constants
from dagset.compile.rendezvous import rendezvous_files
from dagset.model import DagNode

__all__ = ["parts"]

Manifest = dict[str, Any]


def parts(node: DagNode, *, name: str, labels: dict[str, str]) -> tuple[Manifest, ...]:
    """Return the parts in the order of creation; a JobSet makes its Service itself."""
    labels = {**node.labels, **labels}
    found = [_files(node, name=name, labels=labels)] if node.files else []
    if node.coupling == "gang" and node.kind == "job":
        found.append(_service(name=name, labels=labels))
    if programs := rendezvous_files(node):
        found.append(_secret(programs, name=name, labels=labels))
    return tuple(found)


def _files(node: DagNode, *, name: str, labels: dict[str, str]) -> Manifest:
    """Return one immutable ConfigMap."""
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for file_name, file in sorted(node.files.items()):
        encoded, is_text = file.encoded()
        (text if is_text else binary)[file_name] = encoded
    config_map = {**_object("ConfigMap", name=name, labels=labels), "immutable": True}
    return config_map | {key: value for key, value in (("data", text), ("binaryData", binary)) if value}


def _service(*, name: str, labels: dict[str, str]) -> Manifest:
    """Return a headless Service as JobSet makes one: peers are found before they are ready."""
    selector = {constants.JOB_NAME: name}
    spec = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": selector}
    return {**_object("Service", name=name, labels=labels), "spec": spec}


def _secret(programs: dict[str, str], *, name: str, labels: dict[str, str]) -> Manifest:
    """Return the programs that travel with the node, beside whom `submit` puts the node's token."""
    secret = _object("Secret", name=name, labels=labels)
    secret["metadata"]["annotations"] = {constants.TOKEN: "token"}
    return {**secret, "immutable": True, "stringData": programs}


def _object(kind: str, *, name: str, labels: dict[str, str]) -> Manifest:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": constants.API_VERSIONS[kind], "kind": kind, "metadata": metadata}
