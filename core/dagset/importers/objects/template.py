"""A pod template, in the words of a role."""

from collections.abc import Mapping
from typing import Any

from dagset import constants
from dagset.importers.objects.account import Part
from dagset.importers.objects.container import SIDECAR, container_words, main_container
from dagset.importers.objects.ours import own_command
from dagset.importers.objects.patches import Tree, keep
from dagset.importers.objects.volumes import volume_words
from dagset.importers.report import Fate
from dagset.model.duration import format_duration

__all__ = ["role_words"]

SAME = {
    "serviceAccountName": "service_account_name",
    "priorityClassName": "priority_class_name",
    "nodeSelector": "node_selector",
    "tolerations": "tolerations",
    "affinity": "affinity",
}
HANDLED = {"containers", "volumes", "restartPolicy", *SAME}
NEVER = "`Never`: a failed pod stays readable; a restart is a new pod, and counts in `restarts`"
SAID_ANYWAY = "nothing: every node says this"


def role_words(
    template: Part,
    *,
    names: tuple[str, ...] = (),
    set_for_it: Mapping[str, tuple[Fate, str]] | None = None,
    is_ours: bool = False,
) -> Tree:
    """Return the words of a role whose pods are what the template describes; its labels and annotations are not read.

    Args:
        names: of the container that is the program, the first that is there counts.
        set_for_it: names of variables that the words of the node set already, and what to say of them.
        is_ours: whether dagset has made the object.

    Raises:
        InvalidNode: a field is not what Kubernetes takes there, or there is no container.
    """
    spec = template.of("spec")
    main, others = main_container(spec, names)
    for other in others:
        if other.of("name").value == constants.MAIN_CONTAINER:
            raise other.of("name").refused("is the name that the program's container gets", "call it otherwise")
    pod, patch = {}, {}  # type: Tree, Tree
    words = container_words(main, patch, set_for_it=set_for_it or {})
    if is_ours and "command" in words:
        words["command"] = own_command(list(words["command"]))
    words |= volume_words(spec, main, is_ours=is_ours, pod_patch=pod, main_patch=patch)
    words |= _pod_words(spec, pod)
    claims = _claims(spec, main, pod, patch)
    security = {**_security(spec, pod), **words.get("security_context", {})}
    containers = [{"name": constants.MAIN_CONTAINER, **patch}] if patch else []
    containers += [other.told("mapped", SIDECAR) for other in others]
    if containers:
        pod["containers"] = containers
    given: Tree = {**words, "security_context": security, "resource_claims": claims}
    if pod:
        given["pod_patch"] = {"spec": pod}
    return {word: value for word, value in given.items() if value not in ("", [], {}, None)}


def _pod_words(spec: Part, pod: Tree) -> Tree:
    """Return the words for fields of the pod; those that have none are put into its patch."""
    words: Tree = {word: spec.of(key).told("mapped", f"`{word}`") for key, word in SAME.items() if spec.of(key)}
    restart = spec.of("restartPolicy")
    restart.told("mapped" if restart.value == "Never" else "approximated", NEVER)
    for part in spec.parts():
        key = str(part.path[-1])
        if part.path in part.account.own:
            continue
        if key == "terminationGracePeriodSeconds" and part.number():
            words["grace_period"] = format_duration(part.number())
            part.told("mapped", "`grace_period`")
        elif key == "imagePullSecrets" and all(set(each.mapping()) == {"name"} for each in part.parts()):
            words["image_pull_secrets"] = [each.of("name").text() for each in part.parts()]
            part.told("mapped", "`image_pull_secrets`")
        elif (key == "enableServiceLinks" and part.value is False) or part.value in ({}, []):
            part.told("mapped", SAID_ANYWAY)
        elif key == "serviceAccount" and part.value == spec.of("serviceAccountName").value:
            part.told("ignored", "serviceAccountName says it")
        elif key not in (*HANDLED, "securityContext", "resourceClaims"):
            keep(part, pod, (key,))
    return words


def _security(spec: Part, pod: Tree) -> Tree:
    """Return the pod's own security context; a key that to dagset is the container's stays where it is."""
    words: Tree = {}
    for part in spec.of("securityContext").parts():
        key = str(part.path[-1])
        if key in constants.OF_CONTAINER:
            keep(part, pod, ("securityContext", key))
        else:
            words[key] = part.told("mapped", "`security_context`")
    return words


def _claims(spec: Part, main: Part, pod: Tree, patch: Tree) -> dict[str, Any]:
    """Return claims of devices, where the program has all that the pod has; else both stay as they are."""
    claims, uses = spec.of("resourceClaims"), main.of("resources", "claims")
    given = {each.of("name").value: each for each in claims.parts()}
    simple = all(set(each.mapping()) == {"name", "resourceClaimTemplateName"} for each in given.values())
    if simple and given and [{"name": name} for name in given] == uses.value:
        for part in (claims, uses):
            part.told("mapped", "`resource_claims`")
        return {str(name): each.of("resourceClaimTemplateName").text() for name, each in given.items()}
    keep(claims, pod, ("resourceClaims",))
    keep(uses, patch, ("resources", "claims"))
    return {}
