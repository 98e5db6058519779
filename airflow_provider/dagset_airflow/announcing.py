"""What a task tells of its node once it is in the cluster: its manifests in the log, its links."""

from dataclasses import replace
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from dagset.compile import Bundle
from dagset.compile.render import render_yaml
from dagset.model import Ref
from dagset_airflow.links import linked

__all__ = ["announced"]


def announced(operator: BaseOperator, context: Context, ref: Ref, bundle: Bundle) -> None:
    """Tell of a node that was submitted, or found; called once in each try, before it is followed."""
    operator.log.info("::group::Manifests of %s", ref)
    for line in render_yaml(_without_contents(bundle)).splitlines():
        operator.log.info("%s", line)
    operator.log.info("::endgroup::")
    linked(operator, ref, context)


def _without_contents(bundle: Bundle) -> Bundle:
    """Return the bundle with how long its files are instead of what is in them."""
    return replace(bundle, parts=tuple(_sized(part) for part in bundle.parts))


def _sized(part: dict[str, Any]) -> dict[str, Any]:
    sections = {key: part[key] for key in ("data", "binaryData", "stringData") if isinstance(part.get(key), dict)}
    return part | {
        section: {name: f"({len(content.encode())} bytes)" for name, content in contents.items()}
        for section, contents in sections.items()
    }
