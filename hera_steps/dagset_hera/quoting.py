"""How a value stands in a manifest that Argo fills in. Pure, and the one place that knows Argo's quoting.

Argo replaces `{{...}}` in the template's text several times over (argo-workflows: workflow/common/util.go,
SubstituteParams; workflow/controller/workflowpod.go, substitutePodParams), wherever it stands. So a text of the user's
with `{{` in it is written as a double-quoted scalar in which no two braces meet: YAML's `\\x7B` is a brace again only
when kubectl reads the manifest. A parameter goes in as JSON, which such a scalar may hold, so that quotes and line ends
in its value survive.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from dagset import constants
from dagset.compile.render import Dumper
from dagset_hera.parameters import PARAMETER, Number, check_text

__all__ = ["WORKFLOW_LABEL", "Fill", "Source", "filled_in", "written"]

WORKFLOW_LABEL = "workflows.argoproj.io/workflow"  # `argo logs` finds pods by it (argo-workflows: util/logs)


class Source(str):
    """A scalar as it shall stand in the YAML, quotes and all."""

    __slots__ = ()


class _Dumper(Dumper):
    """The core's, with Argo's variables."""

    def choose_scalar_style(self) -> str:
        is_source = isinstance(self.event, yaml.ScalarEvent) and self.event.style == "source"
        return "" if is_source else str(super().choose_scalar_style())


_Dumper.add_representer(Source, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, "source"))


def filled_in(words: Mapping[str, Any], *, inputs: frozenset[str]) -> str:
    """Return words as YAML in which Argo replaces parameters and nothing else."""
    nobody = "\0"
    return written(Fill(name=nobody, named=nobody, files=nobody, whose="", inputs=inputs).value(dict(words)))


def written(value: Any) -> str:
    """Return YAML in which Argo's variables stand as they are."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=2**31, allow_unicode=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """Puts what Argo fills in into a manifest: for `name` the object's name `named`, its labels and the parameters.

    The ConfigMap of its files has the name `files`; `whose` is Argo's expression for 40 hex digits of its identity.
    """

    name: str
    named: str
    files: str
    whose: str
    inputs: frozenset[str]

    def value(self, given: Any) -> Any:
        """Return the manifest, or a part of it, with scalars of Argo's."""
        if isinstance(given, dict):
            shared = replace(self, named=self.files)
            mapping = {
                self.value(key): (shared if key == "configMap" else self).value(value) for key, value in given.items()
            }
            if constants.IDENTITY in mapping:
                mapping[constants.IDENTITY] = Source(f'"{{{{=sprig.trunc(16, {self.whose})}}}}"')
                mapping[constants.RUN] = mapping[WORKFLOW_LABEL] = Source('"{{workflow.name}}"')
            return mapping
        if isinstance(given, list):
            return [self.value(value) for value in given]
        if isinstance(given, Number):
            check_text(f"{{{{{given}}}}}", inputs=self.inputs)
            return Source(f"{{{{=asInt({_looked_up(given)})}}}}")
        if isinstance(given, str) and not isinstance(given, Source) and ("{{" in given or self.name in given):
            check_text(given, inputs=self.inputs)
            return Source(f'"{self._text(given)}"')
        return given

    def _text(self, text: str) -> str:
        """Return the inside of a double-quoted scalar: expressions for name and parameters, the rest not for Argo."""
        filled, end = [], 0
        for match in re.finditer(f"{PARAMETER.pattern}|{re.escape(self.name)}", text):
            filled.append(_escaped(text[end : match.start()]))
            filled.append(f"{{{{=toJson({_looked_up(match[1])})[1:-1]}}}}" if match[1] else self.named)
            end = match.end()
        return "".join([*filled, _escaped(text[end:])])


def _looked_up(parameter: str) -> str:
    """Return the expression for a parameter; names with a hyphen are no identifiers."""
    scope, _, name = parameter.rpartition(".")
    return f"{scope}['{name}']" if "-" in name else parameter


def _escaped(text: str) -> str:
    """Return text as it stands between YAML's double quotes, without a brace that Argo could take for its own."""
    return "".join(char if char.isprintable() and char not in '"\\{' else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    return f"\\x{code:02X}" if code < 2**8 else f"\\u{code:04X}" if code < 2**16 else f"\\U{code:08X}"
