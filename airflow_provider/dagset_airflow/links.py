"""Buttons on a task's page, made of `[dagset] link_templates`: the node's dashboard, its logs, its queue."""

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink, Context, conf

from dagset.model import Ref

__all__ = ["NodeLink", "configured", "facts_of", "linked"]

log = logging.getLogger(__name__)


class NodeLink(BaseOperatorLink):
    """A link whose address is known when the node is submitted; it waits in an XCom until somebody looks."""

    def __init__(self, name: str = "Node", template: str = "") -> None:
        self._name, self._template = name, template

    @property
    def name(self) -> str:
        """The button's text."""
        return self._name

    @property
    def xcom_key(self) -> str:
        """Where the address is kept."""
        return f"dagset_link_{''.join(each if each.isalnum() else '_' for each in self._name.lower())}"

    def address(self, facts: Mapping[str, str]) -> str:
        """Return the template with `{word}` replaced by the quoted fact; what is no fact stays as it is."""
        filled = self._template
        for word, fact in facts.items():
            filled = filled.replace(f"{{{word}}}", quote(fact, safe=""))
        return filled

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  Airflow's signature
        """Return the address of a node that `linked` was told of, which Airflow asks for and keeps at a leg's end."""
        return str(getattr(operator, "addresses", {}).get(self.xcom_key, ""))


def configured() -> tuple[NodeLink, ...]:
    """Return the links of `[dagset] link_templates`, a JSON mapping from name to template; none when it is malformed.

    A link is not worth a task, so what is wrong is only told.
    """
    text = conf.get("dagset", "link_templates", fallback="") or "{}"
    try:
        templates = json.loads(text)
        return tuple(NodeLink(str(name), str(template)) for name, template in templates.items())
    except (ValueError, AttributeError):
        log.warning('[dagset] link_templates is no JSON mapping like {"Pods": "https://.../{namespace}/{name}"}')
        return ()


def linked(operator: Any, ref: Ref, context: Context) -> None:
    """Have the buttons of a task lead to its node from now on; to be told in each leg (task-sdk: task_runner.py)."""
    links = [each for each in operator.operator_extra_links if isinstance(each, NodeLink)]
    operator.addresses = {link.xcom_key: link.address(facts_of(ref, context)) for link in links}
    for key, address in operator.addresses.items():
        context["ti"].xcom_push(key=key, value=address)


def facts_of(ref: Ref, context: Context) -> dict[str, str]:
    """Return what a template may name."""
    ti: Any = context["ti"]
    of_node = {"kind": ref.kind, "resource": f"{ref.kind.lower()}s", "namespace": ref.namespace, "name": ref.name}
    of_task = {word: str(getattr(ti, word)) for word in ("dag_id", "run_id", "task_id", "map_index", "try_number")}
    return of_node | {"uid": ref.uid} | of_task
