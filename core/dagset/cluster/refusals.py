"""A refusal as a person needs it: the server's words, several causes as lines, and what to do about it."""

import re
from collections.abc import Mapping
from typing import Any

from dagset.cluster.rights import is_covered

__all__ = ["NO_JOBSET", "UNKNOWN_KIND", "forbidden", "grant", "words_and_remedy"]

# The API server's words for a kind or a path that it does not serve (kubernetes: apimachinery/pkg/api/errors). For a
# group that it does not know it sends a page with this text.
UNKNOWN_KIND = "the server could not find the requested resource"
NO_JOBSET = (
    "the cluster does not know JobSet (jobset.x-k8s.io/v1alpha2), which a gang needs: "
    "have JobSet 0.10 or newer installed (https://jobset.sigs.k8s.io/docs/installation/), or use coupling: array"
)
OLD_JOBSET = "this cluster's JobSet is older than 0.10, which dagset needs: have it upgraded"
MAKE_OR_CHANGE = "create it, or change `{}` of the node"

# RBAC's sentence (kubernetes: apiserver/pkg/endpoints/handlers/responsewriters/errors.go).
FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)" '
    r'in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]*)")?'
)
SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")

# What the server's words mean for whoever wrote the node; the first that is found in them counts.
REMEDIES: tuple[tuple[str, str], ...] = (
    (r'unknown field "[^"]*\.onJobFailureMessagePatterns"', OLD_JOBSET),
    (UNKNOWN_KIND, "this cluster does not serve that kind: have its API installed"),
    (r"strict decoding error", "the cluster is older than that field, or it is misspelt in a patch of the node"),
    (r'^namespaces "[^"]*" not found', "create that namespace, or name another with --namespace"),
    (r"exceeded quota", "ask for less, wait until others are done, or have the quota raised"),
    (r"violates PodSecurity", "set `security_context` of the node as the namespace asks"),
    (r"no PriorityClass with name", MAKE_OR_CHANGE.format("priority_class_name")),
    (r"error looking up service account", MAKE_OR_CHANGE.format("service_account_name")),
    (r'^admission webhook "[^"]*" denied', "a rule of this cluster: mend what it names, or ask who runs that webhook"),
    (r"^ValidatingAdmissionPolicy '[^']*'", "a rule of this cluster: mend what it names, or ask who wrote that policy"),
    (r"^.* is forbidden: ValidatingAdmissionPolicy", "a rule of this cluster: mend what it names, or ask who wrote it"),
    (r"^Unauthorized$", "the credentials are not accepted, perhaps no longer: log in anew"),
)


def words_and_remedy(told: Mapping[str, Any]) -> tuple[str, str]:
    """Return the words of a Status object, with a line for each cause when there are several, and the remedy or ""."""
    words = str(told.get("message") or "")
    return _with_causes(words, told), _right_remedy(words) or _known_remedy(words)


def forbidden(words: str) -> Mapping[str, str] | None:
    """Return user, verb, resource, group and namespace of RBAC's refusal; None when it is no such refusal."""
    found = FORBIDDEN.search(words)
    return {key: value or "" for key, value in found.groupdict().items()} if found else None


def _right_remedy(words: str) -> str:
    """Return the command that prints the missing right, where that is one of those that dagset asks for."""
    told = forbidden(words)
    if not told or not told["namespace"] or not is_covered(told["verb"], told["group"], told["resource"]):
        return ""
    return grant(told["user"], told["namespace"])


def grant(user: str, namespace: str) -> str:
    """Return the command by which somebody gives a user the rights that dagset asks for."""
    command = f"dagset rbac --namespace {namespace} {_subject(user, namespace)}"
    return f"whoever administers the cluster grants it by `{command} | kubectl apply -f -`"


def _subject(user: str, namespace: str) -> str:
    account = SERVICE_ACCOUNT.fullmatch(user)
    if account is None:
        return f"--user {user}"
    return f"--service-account {account[2] if account[1] == namespace else f'{account[1]}:{account[2]}'}"


def _known_remedy(words: str) -> str:
    return next((remedy for pattern, remedy in REMEDIES if re.search(pattern, words)), "")


def _with_causes(words: str, told: Mapping[str, Any]) -> str:
    """Return one line for each cause of a 422; the server itself puts them into one long list."""
    details = told.get("details") or {}
    causes = [f"{cause.get('field')}: {cause.get('message')}" for cause in details.get("causes") or []]
    causes = [cause for cause in causes if "some validation rules were not checked" not in cause]
    head, found, _ = words.partition(" is invalid: [")
    return "\n  ".join([f"{head} is invalid:", *causes]) if found and causes else words
