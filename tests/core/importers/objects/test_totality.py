"""Objects that nobody wrote by hand: each is imported with an entry for every leaf, or refused."""

from contextlib import suppress
from copy import deepcopy
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.importers.objects import KINDS, import_object
from dagset.importers.objects.reactions import CODES, DISRUPTED, of_gang, pod_rules, set_rules
from dagset.model import Identity
from tests.core.importers.objects.corpus import OBJECTS, leaves, spelled_leaves

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 300), st.sampled_from(["", "x", "1Gi", "True", "main", "$(A)", "Ready"])
)
ROOTS: list[dict[str, Any]] = [yaml.safe_load(text) for text in OBJECTS.values()]
KEYS = sorted({key for root in ROOTS for path, _ in leaves(root) for key in path if isinstance(key, str)})
VALUES = st.recursive(
    SCALARS,
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(st.sampled_from(KEYS), inside, max_size=4)),
    max_leaves=6,
)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """Return an object of the corpus with some of its values replaced, and some put in."""
    root = deepcopy(draw(st.sampled_from(ROOTS)))
    for _ in range(draw(st.integers(1, 4))):
        path, _ = draw(st.sampled_from(sorted(leaves(root), key=str)))
        place: Any = root
        for key in path[: draw(st.integers(0, max(len(path) - 1, 0)))]:
            place = place[key]
        if isinstance(place, dict):
            place[draw(st.sampled_from([*place, *KEYS]))] = draw(VALUES)
        elif isinstance(place, list):
            place.append(draw(VALUES))
    return root


@settings(deadline=None, max_examples=80)
@given(objects())
def test_every_leaf_is_in_the_report_once_or_the_object_is_refused(root: dict[str, Any]):
    try:
        found = import_object(root)
    except InvalidNode:
        return
    told = [entry.option for entry in found.report]
    with suppress(InvalidNode):  # a variable that the rendezvous sets
        compile_node(found.node, Identity(owner="test"))

    assert [] == [ways for ways in spelled_leaves(root) if sum(map(told.count, ways)) != 1]


CODE_SETS = st.sets(st.integers(1, 255), min_size=1, max_size=5).map(sorted)
DRAINED = {"onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
POD_RULES = st.lists(
    st.one_of(
        CODE_SETS.map(lambda codes: {"action": "FailJob", "onExitCodes": {"operator": "In", "values": codes}}),
        CODE_SETS.map(lambda codes: {"action": "Ignore", "onExitCodes": {"operator": "NotIn", "values": codes}}),
        st.just({"action": "FailJob", **DRAINED}),
    ),
    max_size=4,
)
ACTIONS = st.sampled_from(["FailJobSet", "RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts"])
REASONS = st.lists(st.sampled_from(["PodFailurePolicy", "BackoffLimitExceeded"]), max_size=2, unique=True)
SET_RULES = st.lists(
    st.builds(
        lambda action, reasons: {"name": "r", "action": action, "onJobFailureReasons": reasons}, ACTIONS, REASONS
    ),
    max_size=3,
)


@settings(deadline=None, max_examples=80)
@given(POD_RULES, SET_RULES, st.integers(0, 3))
def test_policies_called_mapped_do_for_every_exit_code_what_the_compiled_ones_do(
    rules: list[Any], over: list[Any], restarts: int
):
    job = {
        "backoffLimit": 0,
        "podFailurePolicy": {"rules": rules},
        "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}},
    }
    spec = {
        "failurePolicy": {"maxRestarts": restarts, "rules": over},
        "replicatedJobs": [{"name": "worker", "template": {"spec": job}}],
    }
    root = {"apiVersion": KINDS["JobSet"][0], "kind": "JobSet", "metadata": {"name": "a"}, "spec": spec}
    found = import_object(root)
    compiled = compile_node(found.node, Identity(owner="test")).owner
    is_mapped = all(entry.how == "mapped" for entry in found.report if "ailurePolicy" in entry.option)

    if is_mapped:
        assert reactions(root) == reactions(compiled)


def reactions(root: dict[str, Any]) -> dict[int, str]:
    """Return what an object does for every code, where one that restarts nothing fails what it counts."""
    from dagset.importers.objects.account import Account, Part

    spec = Part(Account(root), (), root).of("spec")
    job = spec.of("replicatedJobs").parts()[0].of("template", "spec")
    policy = spec.of("failurePolicy")
    rules, over = pod_rules(job, main="main"), set_rules(policy)
    found = {
        code: of_gang(code, role="worker", main="main", rules=rules, backoff=0, over=over)
        for code in (DISRUPTED, *CODES)
    }
    return {
        code: "fail" if each == "count" and not policy.of("maxRestarts").number() else each
        for code, each in found.items()
    }
