"""What a gateway tells of environments and tokens, as it told it. Times are in UTC."""

from __future__ import annotations

import dataclasses
import re
import types
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from toolfront._secret import SecretValue

__all__ = [
    "Deployed",
    "Environment",
    "EnvironmentLimits",
    "IssuedToken",
    "NamedEnvironment",
    "Organization",
    "Published",
    "Release",
    "Secret",
    "Token",
    "record",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Organization:
    """The owner of environments and tokens."""

    id: str
    name: str


@dataclass(frozen=True)
class EnvironmentLimits:
    """The limits that an environment has of its own; `None` where the gateway's holds."""

    output_bytes: int | None
    memory_bytes: int | None
    processes: int | None
    file_bytes: int | None
    open_files: int | None
    cpu_seconds: int | None
    runs: int | None
    timeout_seconds: int | None


@dataclass(frozen=True)
class Environment:
    """A deployed application."""

    id: str
    organization_id: str
    name: str
    url: str
    """Where its pages are: what `Application` takes."""
    visibility: str
    """`private` or `public`."""
    network: str
    """The network that its commands have: `outbound` or `none`."""
    limits: EnvironmentLimits
    status: str
    """`running`, or `empty` before its first release."""
    release: int | None
    """The number of the current release."""
    files: int
    bytes: int
    pages: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Deployed:
    """An environment after a deployment."""

    environment: Environment
    created: bool
    """Whether the deployment made it; else it published a release."""
    files_sent: int
    """How many files had to be sent: those that the gateway did not have."""
    bytes_sent: int


@dataclass(frozen=True)
class Release:
    """One version of an environment's files."""

    release: int
    current: bool
    files: int
    bytes: int
    pages: int
    created_at: datetime
    created_by: str
    """The id of the token that made it, or `setup`."""


@dataclass(frozen=True)
class Published:
    """The release that a call made current, and where it is served."""

    id: str
    name: str
    url: str
    release: int
    current: bool
    files: int
    bytes: int
    pages: int
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Secret:
    """A secret of an environment: never its value."""

    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class NamedEnvironment:
    """An environment that a token names."""

    id: str
    name: str
    deleted: bool


@dataclass(frozen=True)
class Token:
    """A token's record. Never has its value."""

    id: str
    organization_id: str
    name: str
    scope: str
    """`environments:read`, `environments:execute` or `environments:admin`."""
    status: str
    """`active`, `expired` or `revoked`."""
    is_active: bool
    hint: str
    """The last 4 characters of its newest value."""
    generation: int
    """How many values it has had."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    rotated_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str | None
    last_used_user_agent: str | None
    usage_count: int
    allowed_environments: tuple[str, ...] | None
    """The ids of its environments; `None` for all of the organization's."""
    environments: tuple[NamedEnvironment, ...]
    usage_by_generation: tuple[int, ...]
    revoked_at: datetime | None
    revoked_by: str | None
    revocation_reason: str | None


@dataclass(frozen=True)
class IssuedToken:
    """A token that was made or rotated, with its value, which is shown this once."""

    record: Token
    value: SecretValue


def record(cls: type[T], fields: dict[str, Any]) -> T:
    """The record that a gateway's answer is. What a later gateway tells besides is left out."""
    hints = get_type_hints(cls)
    known = dataclasses.fields(cls)  # type: ignore[arg-type]  # all of them are dataclasses
    return cls(**{field.name: _value(hints[field.name], fields.get(field.name)) for field in known})


def _value(hint: Any, value: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if hint is datetime:
        return _instant(value)
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], one) for one in value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return record(hint, value)
    return value


def _instant(text: str) -> datetime:
    """An RFC 3339 time; `fromisoformat` of Python 3.10 takes neither `Z` nor every number of decimals."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    if not re.fullmatch(r"\d*", fraction) or not text.endswith("Z"):
        return datetime.fromisoformat(text)
    instant = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return instant.replace(microsecond=int(fraction[:6].ljust(6, "0")))
