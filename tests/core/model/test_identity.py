"""Identity, names and labels."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dagset.model import Identity, dns_safe, object_name

identities = st.builds(
    Identity,
    owner=st.text(),
    dag=st.text(),
    run=st.text(),
    task=st.text(),
    map_index=st.integers(-1, 10),
    generation=st.integers(1, 10**6),
)


def test_labels_say_whose_node_it_is():
    identity = Identity(owner="airflow@prod", dag="etl", run="manual__2026-11-22T01:00:00+00:00", task="t", map_index=3)

    expected = {
        "app.kubernetes.io/managed-by": "dagset",
        "dagset.io/identity": identity.key,
        "dagset.io/generation": "1",
        "dagset.io/owner": "85f71dfcb2a11870",
        "dagset.io/dag": "etl",
        "dagset.io/run": "manual__2026-11-22T01_00_00_00_00",
        "dagset.io/task": "t",
        "dagset.io/index": "3",
    }
    assert expected == identity.labels()


def test_another_generation_is_the_same_node_under_another_name():
    first = Identity(owner="me", task="t")
    second = first.with_generation(2)

    assert first.key == second.key
    assert object_name("n", first, max_length=63) != object_name("n", second, max_length=63)


@given(identities)
def test_labels_are_what_kubernetes_takes(identity: Identity):
    for value in identity.labels().values():
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value)


@given(identities, identities)
def test_different_identities_never_meet(one: Identity, other: Identity):
    same = one.with_generation(1) == other.with_generation(1)

    assert same == (one.key == other.key)


@given(st.text(max_size=100))
def test_any_text_has_a_dns_safe_form(text: str):
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", dns_safe(text))
