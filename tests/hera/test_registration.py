"""The Hera package."""

import dagset_hera


def test_it_claims_nothing_yet():
    assert [] == dagset_hera.__all__
