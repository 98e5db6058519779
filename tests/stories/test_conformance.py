"""The page of conformance is what the stories tell now."""

from dagset.testing.stories import load_stories
from tests.stories.conformance import PAGE, STORIES, page


def test_the_page_of_conformance_is_up_to_date(golden):
    golden(PAGE, page(load_stories(STORIES)))
