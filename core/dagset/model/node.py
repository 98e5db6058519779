"""DagNode: the user's description of one node. It knows nothing of any engine or cluster."""

import base64
from typing import Annotated, Literal

import msgspec

from dagset.errors import InvalidNode
from dagset.model import words
from dagset.model.checks import check_node
from dagset.model.coerce import convert_fields, refuse_unknown
from dagset.model.duration import parse_duration_s
from dagset.model.role import Role, RoleWords

__all__ = ["DagNode", "File", "Success"]

DEFAULT_FAIL_CODES = (134, 139)  # abort and segfault: the same again would only cost the same again


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A small file shipped with the node: exactly one of a path (read by `load`), a text, or bytes."""

    path: str | None = None
    text: str | None = None
    data: bytes | None = None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.path, self.text, self.data)) != 1:
            raise InvalidNode("needs exactly one of path, text and data", remedy="for example {path: train.py}")
        if self.text is not None and any("\ud800" <= character <= "\udfff" for character in self.text):
            raise InvalidNode("holds half of a surrogate pair", field="text", remedy="remove it")

    @property
    def content(self) -> bytes:
        """The bytes to ship; a path must have been read before (see `dagset.load`)."""
        if self.path is not None:
            raise InvalidNode("was not read yet", field="path", remedy="load the node with dagset.load, or give text")
        return self.text.encode() if self.text is not None else self.data or b""

    def encoded(self) -> tuple[str, bool]:
        """Return the content as a ConfigMap carries it, and whether that is plain text (else base64)."""
        content = self.content
        try:
            return content.decode(), True
        except UnicodeDecodeError:
            return base64.b64encode(content).decode(), False


class Success(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a node has succeeded, where neither `all` nor `any` says it: these roles, or these indexes, or a count."""

    roles: tuple[str, ...] = ()
    indexes: str = ""
    count: int | None = None


class DagNode(RoleWords, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node: its roles, how they hang together, and what counts as success and failure.

    A node of one role may give that role's words at top level; `roles` is filled in then, and it alone is read further
    on. Two spellings of the same node are equal.

    Raises:
        InvalidNode: naming field, value and remedy.
    """

    name: words.NodeName = ""
    roles: tuple[Role, ...] = ()
    coupling: words.Coupling = None
    success: Annotated[Literal["all", "any"] | Success, words.SuccessWhen] = "all"
    parallelism: words.Parallelism = None
    restarts: words.Restarts = 0
    on_disruption: words.OnDisruption = "restart"
    fail_exit_codes: words.FailExitCodes = DEFAULT_FAIL_CODES
    abort_exit_codes: words.AbortExitCodes = ()
    free_exit_codes: words.FreeExitCodes = ()
    max_failed_indexes: words.MaxFailedIndexes = None
    max_disruptions: words.MaxDisruptions = 20
    deadline: words.Deadline = None
    start_timeout: words.StartTimeout = "15m"
    queue_timeout: words.QueueTimeout = None
    queue_name: words.QueueName = None
    queue_priority: words.QueuePriority = None
    scheduler: words.Scheduler = None
    min_parallelism: words.MinParallelism = None
    rendezvous: words.Rendezvous = "none"
    keep: words.Keep = None
    ttl: words.Ttl = "1d"
    labels: words.Labels = {}
    annotations: words.Annotations = {}
    files: Annotated[dict[str, File], words.Files] = {}
    kind: words.Kind = None
    object_patch: words.ObjectPatch = {}

    def __post_init__(self) -> None:
        _fill_roles(self)
        convert_fields(self, skip=("roles",))
        _set(self, **_sorted_codes(self), coupling=self.coupling or _implied_coupling(self))
        check_node(self)

    @property
    def deadline_s(self) -> int | None:
        """Seconds that an attempt may run, None without a deadline."""
        return _seconds(self.deadline)

    @property
    def start_timeout_s(self) -> int | None:
        """Seconds that pods may be unable to start, None for ever."""
        return _seconds(self.start_timeout)

    @property
    def queue_timeout_s(self) -> int | None:
        """Seconds that the node may wait in a queue, None for ever."""
        return _seconds(self.queue_timeout)

    @property
    def ttl_s(self) -> int:
        """Seconds that the cluster keeps the node after its end, 600 or more."""
        return parse_duration_s(self.ttl)

    @property
    def pods_total(self) -> int:
        """Pods of all roles together."""
        return sum(role.pods for role in self.roles)


def _seconds(duration: str | None) -> int | None:
    return None if duration is None else parse_duration_s(duration)


def _sorted_codes(node: DagNode) -> dict[str, tuple[int, ...]]:
    """Return the exit codes in order and once each; a default fail code gives way to what the user says of it."""
    words_of_codes = ("fail_exit_codes", "abort_exit_codes", "free_exit_codes")
    codes = {word: tuple(sorted(set(getattr(node, word)))) for word in words_of_codes}
    if codes["fail_exit_codes"] == DEFAULT_FAIL_CODES:
        said = {*codes["abort_exit_codes"], *codes["free_exit_codes"]}
        codes["fail_exit_codes"] = tuple(code for code in DEFAULT_FAIL_CODES if code not in said)
    return codes


def _implied_coupling(node: DagNode) -> str | None:
    """Return what needs no saying: one pod is an array of one, several roles or a rendezvous make a gang."""
    if len(node.roles) > 1 or node.rendezvous != "none" or (node.kind == "jobset" and node.pods_total == 1):
        return "gang"
    return "array" if node.pods_total == 1 else None


def _set(node: DagNode, **values: object) -> None:
    """Set fields of a node that is still being made."""
    for name, value in values.items():
        msgspec.structs.force_setattr(node, name, value)


def _fill_roles(node: DagNode) -> None:
    """Make `roles` and the role words at top level tell the same: one from the other, or refuse both."""
    given = {
        field.name: getattr(node, field.name)
        for field in msgspec.structs.fields(RoleWords)
        if getattr(node, field.name) != field_default(field) or isinstance(getattr(node, field.name), bool)
    }
    if not node.roles:
        _set(node, roles=(Role(**given),))
    elif not isinstance(node.roles, list | tuple):
        raise InvalidNode("is not a list of roles", field="roles", remedy="write - name: worker, then its words")
    else:
        _set(node, roles=tuple(_role(role, index=index) for index, role in enumerate(node.roles)))
        role = node.roles[0]
        for word, value in given.items():
            if len(node.roles) > 1 or getattr(role, word) != value:
                raise InvalidNode("is given beside roles", field=word, remedy="move it into a role")
    if len(node.roles) == 1:
        _set(node, **{field.name: getattr(node.roles[0], field.name) for field in msgspec.structs.fields(RoleWords)})


def field_default(field: msgspec.structs.FieldInfo) -> object:
    """Return what a field is when nobody gives it."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _role(words_given: object, *, index: int) -> Role:
    """Make one of `roles`, with its place in the message when it is refused."""
    try:
        if isinstance(words_given, Role):
            return words_given
        if not isinstance(words_given, dict):
            raise InvalidNode("is not a mapping of words", remedy="write - name: worker, then its words")
        refuse_unknown(words_given, Role)
        return Role(**words_given)
    except InvalidNode as error:
        raise error.at(f"roles[{index}]") from None
