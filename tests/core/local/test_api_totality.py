"""Whatever a client sends, the answer is an object or a refusal; never an internal error."""

import contextlib

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dagset.local import crud
from dagset.local.errors import StoreError
from dagset.local.requests import DeleteOptions, Query, Target, decoded, target_of
from dagset.local.resources import resource_of
from dagset.local.selectors import InvalidSelector
from dagset.local.status import ApiError
from dagset.local.store import Store
from tests.core.local.calling import config, job, jobset, pod

GOOD = {"Job": job(), "JobSet": jobset(), "Pod": pod(), "ConfigMap": config(data={"a": "b"})}
WORDS = (
    *("metadata", "name", "generateName", "labels", "annotations", "finalizers", "ownerReferences", "uid", "spec"),
    *("status", "conditions", "data", "template", "containers", "restartPolicy", "command", "env", "resources"),
    *("completions", "parallelism", "completionMode", "backoffLimitPerIndex", "podFailurePolicy", "rules", "volumes"),
    *("replicatedJobs", "network", "successPolicy", "failurePolicy", "serviceAccountName", "nodeSelector", "type"),
    *("initContainers", "tolerations", "volumeMounts", "requests", "limits", "valueFrom", "envFrom", "dependsOn"),
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars |= st.text(max_size=5) | st.sampled_from(["Indexed", "Never", "x", "1Gi", "default"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


def places(thing, at=()):
    """Give the path of everything in an object."""
    yield at
    for key, value in thing.items() if isinstance(thing, dict) else enumerate(thing if isinstance(thing, list) else ()):
        yield from places(value, (*at, key))


def spoilt(thing, *, at, value, word):
    """Give the object with a value in place of what is at a path, or beside it under another word."""
    if not at:
        return {**thing, word: value} if isinstance(thing, dict) else value
    if isinstance(thing, dict):
        return {**thing, at[0]: spoilt(thing[at[0]], at=at[1:], value=value, word=word)}
    return [spoilt(each, at=at[1:], value=value, word=word) if n == at[0] else each for n, each in enumerate(thing)]


@st.composite
def almost_good(draw):
    kind = draw(st.sampled_from(sorted(GOOD)))
    thing = GOOD[kind]
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.sampled_from([*places(thing)]))
        thing = spoilt(thing, at=at, value=draw(values), word=draw(st.sampled_from(WORDS)))
    return kind, thing


def asked(store, kind, thing):
    """Create, replace and patch with this object; every refusal is an answer."""
    (name, good), query = (GOOD[kind]["metadata"]["name"], GOOD[kind]), Query({})
    there = Target(resource_of(kind), "default", name)
    for act in (
        lambda: crud.create(store, Target(resource_of(kind), "default"), body=thing, query=query),
        lambda: store.create(kind, {**good, "metadata": {"name": name, "namespace": "default"}}),
        lambda: crud.replace(store, there, body=thing, query=query),
        lambda: crud.patch(store, there, body=thing, query=query),
        lambda: crud.patch(store, Target(there.resource, "default", name, "status"), body=thing, query=query),
        lambda: crud.delete(store, there, options=DeleteOptions.read(query, body=thing)),
    ):
        try:
            act()
        except (ApiError, StoreError):
            continue


@settings(deadline=None)  # it writes to a disk, on a machine that may be busy
@given(almost_good())
def test_any_object_is_stored_or_refused(tmp_path_factory, given_object):
    store = Store(tmp_path_factory.mktemp("store") / "objects.sqlite")
    asked(store, *given_object)
    store.close()


@given(st.binary(max_size=40) | values.map(msgspec.json.encode))
def test_any_body_is_read_or_refused(body):
    with contextlib.suppress(ApiError):
        assert isinstance(decoded(body), dict)


@given(st.text(alphabet="/abcdefxyz.%\0é", max_size=30) | st.just("/api/v1/namespaces//pods/x/log/y"))
def test_any_path_and_any_query_is_read_or_refused(text):
    target_of(text)
    query = Query({"labelSelector": text, "timeoutSeconds": text, "dryRun": text})
    for read in (lambda: query.selector, lambda: query.number("timeoutSeconds"), lambda: query.is_dry_run):
        try:
            read()
        except (ApiError, InvalidSelector):
            continue
