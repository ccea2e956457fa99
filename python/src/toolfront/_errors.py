"""Why a call did not succeed. All are of `ToolfrontError`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "AnswerInvalid",
    "AuthenticationError",
    "CommandNotAllowed",
    "ConfigurationError",
    "Conflict",
    "DeployError",
    "FieldError",
    "InvalidRequest",
    "ModelError",
    "NoAnswer",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "ServerError",
    "TimedOut",
    "ToolfrontError",
    "TurnLimitReached",
    "Unreachable",
]


@dataclass(frozen=True)
class FieldError:
    """A field of a request that does not fit, and why."""

    field: str
    message: str


class ToolfrontError(Exception):
    """A call did not succeed. The text says what was wrong and what to do, and has no token's value in it."""

    status: int | None
    """The HTTP status, where there was an answer."""
    detail: str
    """What was wrong with this call."""
    request_id: str | None
    """The request's id, to be found in the gateway's log and record."""
    code: str | None
    """Which problem it is, by its stable name, such as `command-not-allowed`."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = message if detail is None else detail
        self.request_id = request_id
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (type(self), self.args, self.__dict__))


class ConfigurationError(ToolfrontError, ValueError):
    """What was given can't be used: nothing was sent."""


class AuthenticationError(ToolfrontError):
    """401: there is no token, or it is not valid, or not any more."""


class PermissionDenied(ToolfrontError):
    """403: the token may not do this."""


class CommandNotAllowed(PermissionDenied):
    """403: no tool of the page allows the command."""

    tools: tuple[str, ...] = ()
    """The tools that the page has."""


class NotFound(ToolfrontError):
    """404: there is nothing here, or nothing that the token may know of."""

    near: tuple[str, ...] = ()
    """Pages that exist and are spelled alike."""


class Conflict(ToolfrontError):
    """409: somebody else was there first."""


class InvalidRequest(ToolfrontError):
    """Another 4xx: something in the request does not fit."""

    errors: tuple[FieldError, ...] = ()
    """The fields that do not fit."""


class RateLimited(ToolfrontError):
    """429: there were too many requests, also after waiting as the server asked."""


class ServerError(ToolfrontError):
    """5xx: the server could not do it."""


class Unreachable(ToolfrontError):
    """No connection could be made, or it broke off."""


class TimedOut(ToolfrontError):
    """It took longer than was allowed."""


class ModelError(ToolfrontError):
    """The model's provider refused or failed; `status` is the provider's, and the text has its own message."""


class NoAnswer(ToolfrontError):
    """The model did not come to an answer."""


class TurnLimitReached(NoAnswer):
    """The model was asked as often as `max_turns` allows, and only called tools."""


class AnswerInvalid(NoAnswer):
    """The model gave no answer that fits `output_type`, although it was told three times what is wrong."""


class DeployError(ToolfrontError):
    """A directory can't be deployed: nothing was published."""

    faults: tuple[str, ...] = ()
    """What is wrong with its files, each with file and line."""


_KINDS: dict[str, type[ToolfrontError]] = {
    "configuration": ConfigurationError,
    "deploy": DeployError,
    "model": ModelError,
    "no_fitting_answer": AnswerInvalid,
    "not_found": NotFound,
    "timed_out": TimedOut,
    "turn_limit": TurnLimitReached,
    "unreachable": Unreachable,
}

_STATUSES: dict[int, type[ToolfrontError]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def make(kind: str, message: str, fields: dict[str, Any]) -> ToolfrontError:
    """The exception for a failure that `_core` tells."""
    status: int | None = fields.get("status")
    cls = _KINDS.get(kind, ToolfrontError)
    if kind == "problem" and status is not None:
        cls = _of_status(status)
        if fields.get("code") == "command-not-allowed" or (status == 403 and fields.get("tools")):
            cls = CommandNotAllowed
    error = cls(
        message,
        status=status,
        detail=fields.get("detail") or None,
        request_id=fields.get("request_id"),
        code=fields.get("code"),
    )
    if isinstance(error, CommandNotAllowed):
        error.tools = tuple(fields.get("tools", ()))
    elif isinstance(error, NotFound):
        error.near = tuple(fields.get("near", ()))
    elif isinstance(error, InvalidRequest):
        error.errors = tuple(FieldError(*pair) for pair in fields.get("errors", ()))
    elif isinstance(error, DeployError):
        error.faults = tuple(fields.get("faults", ()))
    return error


def _of_status(status: int) -> type[ToolfrontError]:
    if status in _STATUSES:
        return _STATUSES[status]
    return ServerError if status >= 500 else InvalidRequest


def _again(cls: type[ToolfrontError], arguments: tuple[Any, ...], fields: dict[str, Any]) -> ToolfrontError:
    error = cls(*arguments)
    error.__dict__.update(fields)
    return error
