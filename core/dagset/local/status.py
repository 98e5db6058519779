"""The server's refusals: errors that become `Status` objects as Kubernetes clients know them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dagset.local.errors import AlreadyExists, Conflict, DiskRefused, Expired, NotFound, StoreError
from dagset.local.resources import Resource, resource_of
from dagset.local.selectors import InvalidSelector

__all__ = ["WRONG_TYPE", "ApiError", "Cause", "api_error_of", "bad_request", "invalid", "status_of", "success"]
__all__ += ["too_low", "unsupported"]


# The reason of a cause that a real server meets while it decodes, before it validates.
WRONG_TYPE = "FieldValueTypeInvalid"


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with an object, and where."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


def too_low(field: str, value: object) -> Cause:
    """Give the cause that a number is negative."""
    return Cause(field, f"Invalid value: {value}: must be greater than or equal to 0")


def unsupported(field: str, value: object, supported: Sequence[str]) -> Cause:
    """Give the cause that a value is none of those there are."""
    listed = ", ".join(f'"{one}"' for one in supported)
    return Cause(field, f'Unsupported value: "{value}": supported values: {listed}', "FieldValueNotSupported")


# In this order: AlreadyExists is a Conflict too.
_ANSWERS: dict[type[Exception], tuple[int, str]] = {
    NotFound: (404, "NotFound"),
    AlreadyExists: (409, "AlreadyExists"),
    Conflict: (409, "Conflict"),
    Expired: (410, "Expired"),
    InvalidSelector: (400, "BadRequest"),
    DiskRefused: (500, "InternalError"),
}


class ApiError(Exception):
    """A refusal with its HTTP status, the machine-readable reason and a sentence."""

    def __init__(self, code: int, reason: str, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details


def bad_request(message: str) -> ApiError:
    """Give a 400: the request itself cannot be understood."""
    return ApiError(400, "BadRequest", message)


def invalid(resource: Resource, *, name: str, causes: Sequence[Cause], denied_by: str | None = None) -> ApiError:
    """Give a 422 that lists every cause, in the form `Job.batch "x" is invalid: field: message`.

    Args:
        denied_by: the webhook that says so on a real cluster.
    """
    found = [f"{cause.field}: {cause.message}" for cause in causes]
    text = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    told = [vars(cause) for cause in causes]
    details = {**_named(resource, name), "kind": resource.kind, "causes": told}
    said = "" if denied_by is None else f'admission webhook "{denied_by}" denied the request: '
    return ApiError(422, "Invalid", f'{said}{kind} "{name}" is invalid: {text}', details=details)


def api_error_of(error: Exception) -> ApiError:
    """Give the answer for what store and selectors raise; anything else is a 500 that says no more than its type."""
    if isinstance(error, ApiError):
        return error
    for known, (code, reason) in _ANSWERS.items():
        if isinstance(error, known):
            return ApiError(code, reason, _text(error, reason=reason), details=_details(error))
    kind = type(error).__name__
    return ApiError(500, "InternalError", f"internal error ({kind}): see daemon.log in the state directory")


def _text(error: Exception, *, reason: str) -> str:
    if not isinstance(error, Conflict) or reason != "Conflict" or not error.kind:
        return str(error)
    return f'Operation cannot be fulfilled on {resource_of(error.kind).full_name} "{error.name}": {error}'


def _details(error: Exception) -> dict[str, Any] | None:
    if not isinstance(error, StoreError) or not error.kind:
        return None
    return _named(resource_of(error.kind), error.name)


def _named(resource: Resource, name: str) -> dict[str, Any]:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def status_of(error: ApiError) -> dict[str, Any]:
    """Give the `Status` object of a refusal."""
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": error.message}
    status["reason"] = error.reason
    if error.details is not None:
        status["details"] = error.details
    return {**status, "code": error.code}


def success(resource: Resource, *, name: str, uid: str) -> dict[str, Any]:
    """Give the `Status` object that says an object is gone."""
    details = {**_named(resource, name), "uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
