"""What dagset makes of a node: objects, names, success, what stays; read off the objects, and off the controllers'."""

from collections.abc import Mapping
from typing import Any

from dagset import constants
from dagset.compile import Bundle
from dagset.explain.facts import RoleMade
from dagset.local.controllers.childjobs import child_job
from dagset.local.controllers.jobpods import new_pod
from dagset.model.duration import format_duration
from dagset.observe import reading, spec

__all__ = ["coordinator_of", "kept_of", "parts_of", "roles_of", "success_of"]

Manifest = dict[str, Any]
ANY_LETTERS = "xxxxx"  # the API server's five for a generateName
COORDINATOR = "DAGSET_COORDINATOR"


def roles_of(owner: Manifest) -> tuple[RoleMade, ...]:
    """Return each role as the controllers would make it."""
    placed = {**owner, "metadata": {"namespace": "", "uid": "", **owner["metadata"]}}
    if owner["kind"] == "Job":
        return (_role(placed, after=()),)
    found = []
    for replicated in owner["spec"]["replicatedJobs"]:
        job = child_job(placed, replicated=replicated, number=0)
        job["metadata"]["uid"] = ""
        after = tuple(f"{each['name']} is {each['status'].lower()}" for each in replicated.get("dependsOn") or [])
        found.append(_role(job, after=after))
    return tuple(found)


def _role(job: Manifest, *, after: tuple[str, ...]) -> RoleMade:
    pod = new_pod(job, index=0, replaced=None)
    pods = reading.count(job, "spec", "completions") or reading.count(job, "spec", "parallelism") or 1
    subdomain = reading.text(pod, "spec", "subdomain")
    return RoleMade(
        name=reading.text(pod, "metadata", "labels", constants.ROLE),
        pods=pods,
        at_once=min(pods, reading.count(job, "spec", "parallelism") or 1),
        image=reading.text(_main(pod), "image"),
        job=job["metadata"]["name"],
        pod_name=pod["metadata"]["generateName"] + ANY_LETTERS,
        host_name=f"{pod['spec']['hostname']}.{subdomain}" if subdomain else "",
        after=after,
    )


def _main(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = list(reading.items(pod, "spec", "containers"))
    return next((each for each in containers if reading.text(each, "name") == constants.MAIN_CONTAINER), {})


def coordinator_of(owner: Manifest) -> str:
    """Return the host name that every pod is told as DAGSET_COORDINATOR, "" where there is none."""
    for job in spec.job_specs(owner).values():
        for variable in reading.items(_main(reading.mapping(job, "template")), "env"):
            if reading.text(variable, "name") == COORDINATOR:
                return reading.text(variable, "value")
    return ""


def parts_of(bundle: Bundle) -> tuple[str, ...]:
    """Return each part in words."""
    return tuple(f"{part['kind']} {part['metadata']['name']}{_content(part)}" for part in bundle.parts)


def _content(part: Mapping[str, Any]) -> str:
    files = sorted(name for key in ("data", "binaryData", "stringData") for name in reading.mapping(part, key))
    return f": {', '.join(files)}" if files else ""


def success_of(owner: Manifest) -> str:
    """Return when the node has succeeded."""
    jobs = spec.job_specs(owner)
    wanted = [role for role in jobs if role in spec.success_roles(owner)]
    if len(jobs) == 1:
        return _job_success(jobs[wanted[0]], of="")
    each = [_job_success(jobs[role], of=f" of {role}") for role in wanted]
    if spec.any_role_will_do(owner):
        return f"{', or '.join(each)}; what else runs is stopped then"
    others = [role for role in jobs if role not in wanted]
    stopped = f"; what runs of {', '.join(others)} is stopped then, and how it ends does not count" if others else ""
    return f"{', and '.join(each)}{stopped}"


def _job_success(job: Mapping[str, Any], *, of: str) -> str:
    """Return one Job's success: the first rule of its policy that is met, else all indexes."""
    pods = reading.count(job, "completions") or 1
    rules = [_rule(rule, pods=pods) for rule in reading.items(job, "successPolicy", "rules")]
    if not rules:
        return f"the pod{of} exits 0" if pods == 1 else f"all {pods} pods{of} exit 0"
    return f"{' or '.join(rules)}{of}; what else runs{of} is stopped then"


def _rule(rule: Mapping[str, Any], *, pods: int) -> str:
    indexes, count = reading.text(rule, "succeededIndexes"), reading.count(rule, "succeededCount")
    exits = "exits" if count == 1 else "exit"
    if indexes and count:
        return f"{count} of the indexes {indexes} {exits} 0"
    return f"the indexes {indexes} exit 0" if indexes else f"{count} of {pods} pods {exits} 0"


def kept_of(bundle: Bundle, *, keep: str | None, followed: bool) -> tuple[str, ...]:
    """Return what is deleted and when; `keep` is the node's word, which is for whoever follows."""
    kind, ttl_s = bundle.kind, spec.ttl_s(bundle.owner)
    words = {
        None: "nothing by `dagset run`, which keeps it (`keep` is not said, and an engine may have another default)",
        "always": "nothing at its end (keep: always)",
        "failed": f"the {kind} with its pods and lines once its end was read, if it succeeded (keep: failed)",
        "never": f"the {kind} with its pods and lines once its end was read (keep: never)",
    }
    found = [words[keep]] if followed else []
    if bundle.kind == "JobSet":
        found.append("the pods of an attempt with their lines, by the JobSet controller, as soon as it restarts")
    if ttl_s != float("inf"):
        whole = "with its pods, their lines and its parts" if bundle.parts else "with its pods and their lines"
        holder = "JobSet controller" if kind == "JobSet" else "cluster (TTL controller)"
        found.append(f"the {kind} {whole}, by the {holder}, {format_duration(int(ttl_s))} after its end (ttl)")
    return tuple(found)
