"""A gateway's management: environments and tokens."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, TypeVar, Union

from toolfront import _core
from toolfront._calls import on_loop, seconds
from toolfront._errors import ConfigurationError
from toolfront._records import (
    Deployed,
    Environment,
    IssuedToken,
    Organization,
    Published,
    Release,
    Secret,
    Token,
    record,
)
from toolfront._secret import SecretValue

__all__ = ["Environments", "Gateway", "Tokens"]

T = TypeVar("T")

Expires = Union[datetime, timedelta, str, None]
Scope = Literal["read", "execute", "admin"]
Visibility = Literal["private", "public"]
Key = Union[str, SecretValue, None]

_SPAN = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Gateway:
    """A gateway at a URL, as the one who holds `api_key`: a token's value, or `@FILE`, a file that nobody else may read.
    Nothing is sent before the first call; one object serves any number of threads and tasks.

    Without arguments, `TOOLFRONT_GATEWAY_URL`, `TOOLFRONT_API_KEY` and `TOOLFRONT_ORG_ID` say where and as whom.
    """

    environments: Environments
    """The environments that the token may see."""
    tokens: Tokens
    """The tokens that the token may manage."""

    def __init__(
        self,
        url: str | None = None,
        api_key: Key = None,
        *,
        org_id: str | None = None,
        timeout: float | timedelta | None = None,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        url = url or os.environ.get("TOOLFRONT_GATEWAY_URL")
        if not url:
            raise ConfigurationError("there is no gateway to call: give its URL, or TOOLFRONT_GATEWAY_URL")
        key = api_key.reveal() if isinstance(api_key, SecretValue) else api_key
        key = key or os.environ.get("TOOLFRONT_API_KEY") or None
        org_id = org_id or os.environ.get("TOOLFRONT_ORG_ID") or None
        self._core = _core.Gateway(url, key, org_id, ca_file)
        calls = _Calls(self._core, seconds(timeout))
        self._calls = calls
        self.environments = Environments(calls)
        self.tokens = Tokens(calls)

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return self._core.url

    def __repr__(self) -> str:
        return f"Gateway({self.url!r})"

    def organizations(self) -> list[Organization]:
        """The organizations of the token: one."""
        return _records(Organization, self._calls.sync("organizations"))

    async def organizations_async(self) -> list[Organization]:
        """As `organizations`."""
        return _records(Organization, await self._calls.wait("organizations"))


class _Calls:
    def __init__(self, core: _core.Gateway, timeout: float | None) -> None:
        self._core = core
        self._timeout = timeout

    def sync(self, op: str, **fields: Any) -> Any:
        return json.loads(self._core.call(json.dumps({"op": op, **fields}), self._timeout))

    async def wait(self, op: str, **fields: Any) -> Any:
        operation = json.dumps({"op": op, **fields})
        return json.loads(await on_loop(lambda done: self._core.call(operation, self._timeout, done)))


class Environments:
    """Environments: deployed applications. One is named by its id or its name."""

    def __init__(self, calls: _Calls) -> None:
        self._calls = calls

    def list(self) -> list_[Environment]:
        """All environments that the token may see."""
        return _records(Environment, self._calls.sync("environments"))

    async def list_async(self) -> list_[Environment]:
        """As `list`."""
        return _records(Environment, await self._calls.wait("environments"))

    def get(self, environment: str) -> Environment:
        """One environment."""
        return record(Environment, self._calls.sync("environment", environment=environment))

    async def get_async(self, environment: str) -> Environment:
        """As `get`."""
        return record(Environment, await self._calls.wait("environment", environment=environment))

    def create(self, name: str = "", *, visibility: Visibility = "private") -> Environment:
        """Makes an environment without files. `deploy` makes one with files."""
        new = {"name": name, "visibility": visibility}
        return record(Environment, self._calls.sync("create_environment", new=new))

    async def create_async(self, name: str = "", *, visibility: Visibility = "private") -> Environment:
        """As `create`."""
        new = {"name": name, "visibility": visibility}
        return record(Environment, await self._calls.wait("create_environment", new=new))

    def deploy(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        visibility: Visibility | None = None,
        hidden: bool = False,
    ) -> Deployed:
        """Deploys a directory: makes the environment, or publishes a release of the one with this name, which is the
        directory's unless given. All pages are checked first (`DeployError` has what is wrong); then only what the gateway
        does not have is sent. A new environment is private unless said. `hidden` sends hidden files too."""
        return _deployed(self._calls.sync("deploy", **_deploy(path, name, visibility, hidden)))

    async def deploy_async(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        visibility: Visibility | None = None,
        hidden: bool = False,
    ) -> Deployed:
        """As `deploy`."""
        return _deployed(await self._calls.wait("deploy", **_deploy(path, name, visibility, hidden)))

    def update(
        self,
        environment: str,
        *,
        name: str | None = None,
        visibility: Visibility | None = None,
        network: Literal["outbound", "none"] | None = None,
        limits: Mapping[str, int | None] | None = None,
    ) -> Environment:
        """Changes what is given; the rest stays as it is. A limit of `None` is the gateway's own again."""
        change = _change(name=name, visibility=visibility, network=network, limits=limits)
        return record(Environment, self._calls.sync("patch_environment", environment=environment, change=change))

    async def update_async(
        self,
        environment: str,
        *,
        name: str | None = None,
        visibility: Visibility | None = None,
        network: Literal["outbound", "none"] | None = None,
        limits: Mapping[str, int | None] | None = None,
    ) -> Environment:
        """As `update`."""
        change = _change(name=name, visibility=visibility, network=network, limits=limits)
        fields = await self._calls.wait("patch_environment", environment=environment, change=change)
        return record(Environment, fields)

    def delete(self, environment: str) -> Environment:
        """Deletes an environment and its releases."""
        return record(Environment, self._calls.sync("delete_environment", environment=environment))

    async def delete_async(self, environment: str) -> Environment:
        """As `delete`."""
        return record(Environment, await self._calls.wait("delete_environment", environment=environment))

    def releases(self, environment: str) -> list_[Release]:
        """Its releases, the newest first."""
        return _records(Release, self._calls.sync("releases", environment=environment))

    async def releases_async(self, environment: str) -> list_[Release]:
        """As `releases`."""
        return _records(Release, await self._calls.wait("releases", environment=environment))

    def rollback(self, environment: str, release: int) -> Published:
        """Makes an earlier release the current one."""
        return record(Published, self._calls.sync("rollback", environment=environment, release=release))

    async def rollback_async(self, environment: str, release: int) -> Published:
        """As `rollback`."""
        return record(Published, await self._calls.wait("rollback", environment=environment, release=release))

    def secrets(self, environment: str) -> list_[Secret]:
        """Its secrets, without their values, which nothing shows."""
        return _records(Secret, self._calls.sync("secrets", environment=environment))

    async def secrets_async(self, environment: str) -> list_[Secret]:
        """As `secrets`."""
        return _records(Secret, await self._calls.wait("secrets", environment=environment))

    def set_secret(self, environment: str, name: str, value: str | SecretValue) -> Secret:
        """Stores a secret: its commands get it as the variable `name`."""
        fields = {"environment": environment, "name": name, "value": _revealed(value)}
        return record(Secret, self._calls.sync("set_secret", **fields))

    async def set_secret_async(self, environment: str, name: str, value: str | SecretValue) -> Secret:
        """As `set_secret`."""
        fields = {"environment": environment, "name": name, "value": _revealed(value)}
        return record(Secret, await self._calls.wait("set_secret", **fields))

    def delete_secret(self, environment: str, name: str) -> Secret:
        """Deletes a secret."""
        return record(Secret, self._calls.sync("delete_secret", environment=environment, name=name))

    async def delete_secret_async(self, environment: str, name: str) -> Secret:
        """As `delete_secret`."""
        return record(Secret, await self._calls.wait("delete_secret", environment=environment, name=name))


class Tokens:
    """Tokens. One is named by its id, the beginning of it, its name, or `self`, which is the one that calls."""

    def __init__(self, calls: _Calls) -> None:
        self._calls = calls

    def list(
        self,
        *,
        only_active: bool = True,
        environment: str | None = None,
        expiring_within: timedelta | None = None,
        unused_for: timedelta | None = None,
        limit: int | None = None,
    ) -> list_[Token]:
        """Tokens, the newest first: those of one environment, that end soon, that were not used for so long."""
        fields = _filter(only_active, environment, expiring_within, unused_for, limit)
        return _records(Token, self._calls.sync("tokens", **fields))

    async def list_async(
        self,
        *,
        only_active: bool = True,
        environment: str | None = None,
        expiring_within: timedelta | None = None,
        unused_for: timedelta | None = None,
        limit: int | None = None,
    ) -> list_[Token]:
        """As `list`."""
        fields = _filter(only_active, environment, expiring_within, unused_for, limit)
        return _records(Token, await self._calls.wait("tokens", **fields))

    def get(self, token: str = "self") -> Token:
        """The record of a token."""
        return record(Token, self._calls.sync("token", token=token))

    async def get_async(self, token: str = "self") -> Token:
        """As `get`."""
        return record(Token, await self._calls.wait("token", token=token))

    def create(
        self,
        name: str,
        *,
        scope: Scope = "execute",
        environments: Sequence[str] | None = None,
        expires: Expires = None,
    ) -> IssuedToken:
        """Makes a token. What it yields is the only thing that ever has its value. `environments` are ids or names; without
        them it is for all. `expires` is a time, a span (`timedelta` or such as `"30d"`), or a date, which ends it."""
        return _issued(self._calls.sync("create_token", new=_new(name, scope, environments, expires)))

    async def create_async(
        self,
        name: str,
        *,
        scope: Scope = "execute",
        environments: Sequence[str] | None = None,
        expires: Expires = None,
    ) -> IssuedToken:
        """As `create`."""
        return _issued(await self._calls.wait("create_token", new=_new(name, scope, environments, expires)))

    def rotate(
        self,
        token: str = "self",
        *,
        name: str | None = None,
        scope: Scope | None = None,
        environments: Sequence[str] | Literal["all"] | None = None,
        expires: Expires = None,
        grace: timedelta | None = None,
    ) -> IssuedToken:
        """Gives a token a new value, and changes what is given. The old value ends at once, or `grace` after the first use
        of the new one. `environments="all"` and `expires="never"` say just that."""
        change = _rotation(name, scope, environments, expires, grace)
        return _issued(self._calls.sync("rotate_token", token=token, change=change))

    async def rotate_async(
        self,
        token: str = "self",
        *,
        name: str | None = None,
        scope: Scope | None = None,
        environments: Sequence[str] | Literal["all"] | None = None,
        expires: Expires = None,
        grace: timedelta | None = None,
    ) -> IssuedToken:
        """As `rotate`."""
        change = _rotation(name, scope, environments, expires, grace)
        return _issued(await self._calls.wait("rotate_token", token=token, change=change))

    def revoke(self, token: str, *, reason: str | None = None, kill: bool = False) -> Token:
        """Ends a token for good. Once this has returned, its values are refused. `kill` ends commands that it runs."""
        how = _change(reason=reason, kill=kill)
        return record(Token, self._calls.sync("revoke_token", token=token, how=how))

    async def revoke_async(self, token: str, *, reason: str | None = None, kill: bool = False) -> Token:
        """As `revoke`."""
        how = _change(reason=reason, kill=kill)
        return record(Token, await self._calls.wait("revoke_token", token=token, how=how))


# In the classes, `list` is a method.
list_ = list


def _records(cls: type[T], answers: Any) -> list[T]:
    return [record(cls, fields) for fields in answers]


def _issued(fields: dict[str, Any]) -> IssuedToken:
    value = SecretValue(fields.pop("token"))
    return IssuedToken(record(Token, fields), value)


def _deployed(fields: dict[str, Any]) -> Deployed:
    return record(Deployed, fields)


def _deploy(
    path: str | os.PathLike[str], name: str | None, visibility: str | None, hidden: bool
) -> dict[str, Any]:
    return {"path": os.fspath(path), "name": name, "visibility": visibility, "hidden": hidden}


def _change(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _filter(
    only_active: bool,
    environment: str | None,
    expiring_within: timedelta | None,
    unused_for: timedelta | None,
    limit: int | None,
) -> dict[str, Any]:
    return {
        "only_active": only_active,
        "environment": environment,
        "expiring_within_seconds": None if expiring_within is None else int(expiring_within.total_seconds()),
        "unused_for_seconds": None if unused_for is None else int(unused_for.total_seconds()),
        "limit": limit,
    }


def _new(name: str, scope: str, environments: Sequence[str] | None, expires: Expires) -> dict[str, Any]:
    new = {"name": name, "scope": scope, "expires_at": _end(expires)}
    return _change(**new, allowed_environment_ids=_ids(environments))


def _rotation(
    name: str | None,
    scope: str | None,
    environments: Sequence[str] | Literal["all"] | None,
    expires: Expires,
    grace: timedelta | None,
) -> dict[str, Any]:
    is_all = environments == "all"
    return _change(
        name=name,
        scope=scope,
        allowed_environment_ids=None if environments is None or is_all else _ids(environments),
        environment_scope={"type": "all"} if is_all else None,
        expires_at="never" if expires == "never" else _end(expires),
        grace_seconds=None if grace is None else int(grace.total_seconds()),
    )


def _ids(environments: Sequence[str] | None) -> list[str] | None:
    if isinstance(environments, str):
        raise ConfigurationError("environments are a list of ids or names")
    return None if environments is None else list(environments)


def _end(expires: Expires) -> str | None:
    if isinstance(expires, str):
        span = _SPAN.fullmatch(expires)
        if span is None:
            return expires
        expires = timedelta(**{_UNITS[span[2]]: int(span[1])})
    if isinstance(expires, timedelta):
        expires = datetime.now(timezone.utc) + expires
    if expires is None:
        return None
    # One without a time zone is of this machine's.
    return expires.astimezone(timezone.utc).isoformat()


def _revealed(value: str | SecretValue) -> str:
    return value.reveal() if isinstance(value, SecretValue) else value
