"""docs/objects.md names every kind that is imported with its version, and every fate that a field can have."""

import re
from pathlib import Path
from typing import get_args

from dagset.cli.import_object import import_object_command
from dagset.importers.objects import KINDS
from dagset.importers.report import Fate

PAGE = (Path(__file__).parents[2] / "docs" / "objects.md").read_text()


def test_every_kind_has_a_row_with_its_version():
    assert {kind: version for kind, (version, _) in KINDS.items()} == dict(
        re.findall(r"^\| `(\w+)` \(`([\w./-]+)`\) \|", PAGE, flags=re.MULTILINE)
    )


def test_every_fate_of_a_field_is_told():
    told = re.findall(r"^\| (\w+) \|", PAGE.partition("## The report")[2], flags=re.MULTILINE)

    assert {*get_args(Fate)} - {"unknown"} == {*told} - {"fate"}  # an option may be unknown, a field is dropped


def test_every_option_that_is_typed_there_is_one():
    known = {option for parameter in import_object_command.params for option in parameter.opts}

    assert {*re.findall(r"dagset import object.*? (--?[a-z]+)", PAGE)} <= known
