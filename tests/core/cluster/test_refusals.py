"""What the API server says, and what a person reads. The server's texts are Kubernetes 1.36.3's, word for word."""

import json

import pytest

from dagset.cluster.answers import answer
from dagset.cluster.rights import RIGHTS, is_covered
from dagset.errors import ClusterRefused, NotFound, UnknownKind


def refused(code, message, *, reason="", what="create Job ml/a", **details):
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    with pytest.raises(ClusterRefused) as caught:
        answer(code, {}, json.dumps(body).encode(), what=what)
    return caught.value


def may_not(verb="create", resource="jobs", group="batch", user="system:serviceaccount:ml:runner", where="ml"):
    name = f"{resource}.{group}" if group else resource
    place = f' in the namespace "{where}"' if where else " at the cluster scope"
    return f'{name} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group "{group}"{place}'


GRANTS = "whoever administers the cluster grants it by `dagset rbac --namespace ml {} | kubectl apply -f -`"
OLD_JOBSET = "this cluster's JobSet is older than 0.10, which dagset needs: have it upgraded"
POD = 'pods "a" is forbidden: '


@pytest.mark.parametrize(
    ("code", "words", "remedy"),
    [
        pytest.param(403, may_not(), GRANTS.format("--service-account runner"), id="no-right"),
        pytest.param(
            403,
            may_not(user="system:serviceaccount:airflow:worker"),
            GRANTS.format("--service-account airflow:worker"),
            id="service-account-of-another-namespace",
        ),
        pytest.param(403, may_not("get", "pods/log", "", user="ann"), GRANTS.format("--user ann"), id="a-user"),
        pytest.param(403, may_not("list", "nodes", ""), "", id="a-right-that-rbac-does-not-grant"),
        pytest.param(403, may_not(where=""), "", id="cluster-wide"),
        pytest.param(
            403,
            f"{POD}exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3",
            "ask for less, wait until others are done, or have the quota raised",
            id="quota",
        ),
        pytest.param(
            403,
            f'{POD}violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "set `security_context` of the node as the namespace asks",
            id="pod-security",
        ),
        pytest.param(
            403,
            f'{POD}error looking up service account ml/x: serviceaccount "x" not found',
            "create it, or change `service_account_name` of the node",
            id="service-account",
        ),
        pytest.param(
            403,
            f"{POD}no PriorityClass with name x was found",
            "create it, or change `priority_class_name` of the node",
            id="priority-class",
        ),
        pytest.param(
            422,
            'admission webhook "vjobset.kb.io" denied the request: invalid replicatedJob name',
            "a rule of this cluster: mend what it names, or ask who runs that webhook",
            id="webhook",
        ),
        pytest.param(
            422,
            "jobs.batch \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "a rule of this cluster: mend what it names, or ask who wrote it",
            id="policy",
        ),
        pytest.param(
            400,
            'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.x"',
            "the cluster is older than that field, or it is misspelt in a patch of the node",
            id="unknown-field",
        ),
        pytest.param(
            400,
            'JobSet in version "v1alpha2" cannot be handled as a JobSet: strict decoding error: '
            'unknown field "spec.failurePolicy.rules[0].onJobFailureMessagePatterns"',
            OLD_JOBSET,
            id="old-jobset",
        ),
        pytest.param(
            404,
            'namespaces "ml" not found',
            "create that namespace, or name another with --namespace",
            id="namespace",
        ),
        pytest.param(
            404,
            "the server could not find the requested resource",
            "this cluster does not serve that kind: have its API installed",
            id="unknown-kind",
        ),
        pytest.param(401, "Unauthorized", "the credentials are not accepted, perhaps no longer: log in anew", id="401"),
        pytest.param(422, 'Job.batch "a" is invalid: spec.parallelism: Invalid value: -1', "", id="one-cause"),
        pytest.param(403, "some words nobody knows", "", id="unknown-words"),
    ],
)
def test_the_servers_words_are_kept_and_say_what_to_do(code, words, remedy):
    text = f"create Job ml/a: {words} (HTTP {code} Why)"

    assert (f"{text}; {remedy}" if remedy else text) == str(refused(code, words, reason="Why"))


def test_several_causes_are_lines():
    causes = [
        {"field": "spec.parallelism", "message": "Invalid value: -1: must be greater than or equal to 0"},
        {"field": "spec.completions", "message": "Invalid value: -2: must be greater than or equal to 0"},
        {"field": "<nil>", "message": "Invalid value: null: some validation rules were not checked because the obj"},
    ]
    words = 'Job.batch "a" is invalid: [' + ", ".join(f"{cause['field']}: {cause['message']}" for cause in causes) + "]"

    assert (
        'create Job ml/a: Job.batch "a" is invalid:\n'
        "  spec.parallelism: Invalid value: -1: must be greater than or equal to 0\n"
        "  spec.completions: Invalid value: -2: must be greater than or equal to 0 (HTTP 422 Invalid)"
    ) == str(refused(422, words, reason="Invalid", causes=causes))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"404 page not found\n", UnknownKind),
        (b'{"kind":"Status","message":"the server could not find the requested resource"}', UnknownKind),
        (b'{"kind":"Status","message":"jobs.batch \\"q\\" not found"}', NotFound),
        (b"<html>404: nobody here</html>", NotFound),
    ],
    ids=["unknown-group", "unknown-resource", "no-object", "a-proxys-page"],
)  # fmt: skip
def test_unknown_kind_is_told_from_a_missing_object(body, expected):
    with pytest.raises(NotFound) as caught:
        answer(404, {}, body, what="get LocalQueue ml/q")

    assert expected is type(caught.value)


def test_every_right_is_covered_and_nothing_else():
    assert all(is_covered(verb, right.group, right.resource) for right in RIGHTS for verb in right.verbs)
    assert not is_covered("delete", "", "pods")
