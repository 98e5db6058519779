"""Label selectors as in the `labelSelector` parameter."""

import pytest

from dagset.local.selectors import InvalidSelector, Requirement, matches, parse_selector

LABELS = {"app": "web", "tier": "front", "example.com/x-y_z.a": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier=front", True),
        ("app=web,tier=back", False),
        ("app!=web", False),
        ("other!=web", True),
        ("app in (web, db)", True),
        ("app in (db)", False),
        ("app notin (db,cache),tier", True),
        ("app notin (web)", False),
        ("other notin (web)", True),
        ("app", True),
        ("other", False),
        ("!other", True),
        ("! app", False),
        ("example.com/x-y_z.a=1", True),
        ("app=", False),
        ("app in (web),tier in (front,back)", True),
    ],
)
def test_selector_selects_as_kubernetes_does(text, expected):
    assert expected == matches(parse_selector(text), LABELS)


@pytest.mark.parametrize("text", ["=web", "app=web=db", "app in web", "app in (a", "a b", ",", "app=we b"])
def test_unreadable_selector_is_refused(text):
    with pytest.raises(InvalidSelector, match="unable to parse requirement"):
        parse_selector(text)


def test_requirements_are_values():
    assert (
        Requirement("a", "in", frozenset({"b", "c"})),
        Requirement("d", "absent"),
    ) == parse_selector("a in (b,c),!d")
