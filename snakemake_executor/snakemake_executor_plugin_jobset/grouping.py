"""Which jobs become one array, and when: pure decisions over the jobs that wait."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from dagset.model import DagNode, Identity
from snakemake_executor_plugin_jobset.jobs import Member
from snakemake_executor_plugin_jobset.table import Start, array_node, chunks, fits

__all__ = [
    "ARRAY_OF",
    "Rules",
    "Waiting",
    "array_identity",
    "array_of",
    "due",
    "group_key",
    "is_lone",
    "joined",
    "split",
    "wake_at",
]

Key = bytes
ARRAY_OF = "array-of-"


@dataclass(frozen=True, slots=True)
class Rules:
    """How arrays are made. `limit` is of indexes, 1 for no arrays; `window_s` how long a job waits for its like."""

    limit: int = 1000
    window_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs of equal needs, in the order they came; `since` is when the first one did."""

    key: Key
    members: tuple[Member, ...]
    since: float

    def joined_by(self, members: Sequence[Member]) -> "Waiting":
        """Return it with more jobs."""
        return replace(self, members=(*self.members, *members))


def is_lone(node: DagNode) -> bool:
    """Whether a job's node cannot be one of many: it has peers, or a success or kind of its own."""
    return node.pods_total != 1 or node.coupling != "array" or node.success != "all" or node.kind == "jobset"


def group_key(member: Member) -> Key:
    """Return what is equal for jobs that differ in nothing but their command: image, resources, volumes, all."""
    node, how = member.node, [member.chunk, member.bare]
    (role,) = node.roles
    words = {name: getattr(node, name) for name in node.__struct_fields__ if name not in ("roles", "command")}
    return hashlib.sha256(msgspec.json.encode([how, words, msgspec.structs.asdict(role) | {"command": ()}])).digest()


def joined(
    waiting: Mapping[Key, Waiting], members: Sequence[Member], rules: Rules, *, now: float
) -> dict[Key, Waiting]:
    """Return what waits when these jobs have come: each with its like, or by itself where it cannot be one of many."""
    found = dict(waiting)
    for member in members:
        alone = rules.limit == 1 or not member.groupable
        key = member.identity.key.encode() if alone else group_key(member)
        found[key] = found.get(key, Waiting(key, (), now)).joined_by([member])
    return found


def due(waiting: Sequence[Waiting], rules: Rules, *, now: float) -> tuple[list[tuple[Member, ...]], list[Waiting]]:
    """Return the groups to submit now, and what goes on waiting; together they hold every job once.

    A job that came alone never waits, and a full group does not either.
    """
    groups: list[tuple[Member, ...]] = []
    left: list[Waiting] = []
    for each in waiting:
        members = each.members
        while len(members) > rules.limit:
            groups, members = [*groups, members[: rules.limit]], members[rules.limit :]
        if len(members) in (1, rules.limit) or now >= each.since + rules.window_s:
            groups.append(members)
        else:
            left.append(replace(each, members=members))
    return groups, left


def wake_at(waiting: Sequence[Waiting], rules: Rules) -> float | None:
    """Return when the next group is due, None while nothing waits."""
    return min((each.since + rules.window_s for each in waiting), default=None)


def split(members: Sequence[Member]) -> Iterator[tuple[Member, ...]]:
    """Yield the group in an order of its own, halved until its table can travel with the node."""
    members = tuple(sorted(members, key=lambda member: member.task))
    if len(members) == 1 or fits(members[0].node, chunks(members)):
        yield members
        return
    half = len(members) // 2
    yield from split(members[:half])
    yield from split(members[half:])


def array_identity(identity: Identity, tasks: Sequence[str]) -> Identity:
    """Return whose the array of these tasks is; `identity` is that of any of them."""
    digest = hashlib.sha256("\0".join(tasks).encode()).hexdigest()[:16]
    return replace(identity, task=f"{ARRAY_OF}{len(tasks)}-{digest}")


def array_of(rows: Sequence[Sequence[Member]], *, start: Start) -> tuple[DagNode, Identity]:
    """Return the array whose indexes run these rows of jobs, and whose it is."""
    first = rows[0][0]
    identity = array_identity(first.identity, [member.task for row in rows for member in row])
    return array_node(first.node, rows, start=start), identity
