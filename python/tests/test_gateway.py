"""Environments and tokens from Python."""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from conftest import World, write_application

from toolfront import (
    Application,
    AuthenticationError,
    ConfigurationError,
    Conflict,
    DeployError,
    Gateway,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    SecretValue,
)


def test_an_environment_lives(world: World, tmp_path: Path) -> None:
    environments = world.gateway.environments
    directory = write_application(tmp_path / "life")
    made = environments.deploy(directory)
    assert made.created and made.environment.name == "life" and made.environment.visibility == "private"
    assert made.environment.created_at.tzinfo is not None and made.environment.release == 1
    assert made.environment.limits.memory_bytes is None
    (directory / "guide.md").write_text("# Another guide\n")
    again = environments.deploy(directory)
    assert (again.created, again.files_sent, again.environment.release) == (False, 1, 2)
    assert [release.release for release in environments.releases("life")] == [2, 1]
    assert environments.rollback("life", 1).current
    changed = environments.update("life", network="none", limits={"memory_bytes": 100_000_000})
    assert (changed.network, changed.limits.memory_bytes) == ("none", 100_000_000)
    assert environments.update("life", limits={"memory_bytes": None}).limits.memory_bytes is None
    assert "life" in [environment.name for environment in environments.list()]
    assert environments.get(changed.id).name == "life"
    assert environments.create("empty").status == "empty"
    with pytest.raises(Conflict):
        environments.create("life")
    for name in ("life", "empty"):
        environments.delete(name)
    with pytest.raises(NotFound):
        environments.get("life")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.environment.name = "other"  # type: ignore[misc]


def test_visibility_is_what_is_said(world: World, tmp_path: Path) -> None:
    environments = world.gateway.environments
    directory = write_application(tmp_path / "seen")
    url = environments.deploy(directory, visibility="public").environment.url
    assert Application(url).run("", ["echo", "x"]).returncode == 0
    assert environments.deploy(directory, visibility="private").environment.visibility == "private"
    with pytest.raises(AuthenticationError):
        Application(url).read()
    environments.delete("seen")


def test_a_directory_with_faults_is_not_sent(world: World, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\ntools: [[ls, {regex: '('}]]\n---\n")
    with pytest.raises(DeployError, match="nothing was sent") as caught:
        world.gateway.environments.deploy(tmp_path, name="faulty")
    assert any(fault.startswith("README.md") for fault in caught.value.faults), caught.value.faults
    with pytest.raises(DeployError, match="not a directory"):
        world.gateway.environments.deploy(tmp_path / "nothing")
    with pytest.raises(ConfigurationError):
        world.gateway.environments.get("..")


def test_secrets_are_set_and_never_shown(world: World) -> None:
    environments = world.gateway.environments
    assert environments.set_secret("shop", "API_KEY", SecretValue("hunter2hunter2")).name == "API_KEY"
    assert [secret.name for secret in environments.secrets("shop")] == ["API_KEY"]
    assert "hunter2" not in repr(environments.secrets("shop"))
    environments.delete_secret("shop", "API_KEY")
    assert environments.secrets("shop") == []


def test_a_token_lives(world: World) -> None:
    tokens = world.gateway.tokens
    issued = tokens.create("ci", environments=["shop"], expires=timedelta(days=30))
    value = issued.value.reveal()
    assert issued.record.scope == "environments:execute" and issued.record.is_active
    assert issued.record.environments[0].name == "shop" and issued.record.hint == value[-4:]
    expires_at = issued.record.expires_at
    assert expires_at is not None
    assert timedelta(days=29) < expires_at - datetime.now(timezone.utc) < timedelta(days=31)
    assert tokens.get("ci").id == issued.record.id
    assert tokens.get(issued.record.id) == tokens.get("ci")
    assert issued.record.id in [token.id for token in tokens.list(environment="shop")]
    assert len(tokens.list(limit=1)) == 1
    assert issued.record.id in [token.id for token in tokens.list(expiring_within=timedelta(days=60))]

    assert issued.record.id in [token.id for token in tokens.list(unused_for=timedelta(0))]
    assert issued.record.id not in [token.id for token in tokens.list(unused_for=timedelta(days=1))]

    rotated = tokens.rotate("ci", name="ci2", scope="read", expires="never", grace=timedelta(hours=1))
    assert rotated.value != issued.value and rotated.record.generation == 2
    assert (rotated.record.name, rotated.record.scope, rotated.record.expires_at) == ("ci2", "environments:read", None)
    for secret in (issued.value, rotated.value):
        assert Application(world.app_url, {"token": secret}).read()

    revoked = tokens.revoke("ci2", reason="left the team")
    assert (revoked.status, revoked.revocation_reason) == ("revoked", "left the team")
    with pytest.raises(AuthenticationError):
        Application(world.app_url, {"token": rotated.value}).read()
    with pytest.raises(Conflict):
        tokens.rotate(issued.record.id)
    assert issued.record.id not in [token.id for token in tokens.list()]
    assert issued.record.id in [token.id for token in tokens.list(only_active=False)]


def test_a_token_rotates_itself(world: World) -> None:
    issued = world.gateway.tokens.create("own", scope="admin", environments=["shop"])
    own = Gateway(world.url, issued.value)
    assert own.tokens.get().id == issued.record.id
    assert Gateway(world.url, own.tokens.rotate().value).tokens.get("self").generation == 2


@pytest.mark.parametrize("expires", ["12h", "2w", "2099-01-31", datetime(2099, 1, 31, tzinfo=timezone.utc)])
def test_an_end_is_said_in_many_ways(expires: str | datetime, world: World) -> None:
    assert world.gateway.tokens.create("ends", expires=expires).record.expires_at is not None


def test_no_value_is_printed(world: World) -> None:
    issued = world.gateway.tokens.create("quiet")
    value = issued.value.reveal()
    shown = f"{issued} {issued!r} {issued.value} {issued.value!r} {issued.value:>40} {world.gateway!r} {issued.record}"
    assert value not in shown and world.admin not in shown and "SecretValue(…)" in shown
    with pytest.raises(TypeError):
        pickle.dumps(issued.value)
    assert issued.value == SecretValue(value) and issued.value != SecretValue("x") and issued.value != value
    assert len({issued.value, SecretValue(value)}) == 1


def test_refusals_are_exceptions(world: World) -> None:
    runner = Gateway(world.url, world.token)
    with pytest.raises(PermissionDenied) as caught:
        runner.tokens.create("more")
    assert caught.value.status == 403
    with pytest.raises(InvalidRequest) as invalid:
        world.gateway.tokens.create("", expires="2020-01-01")
    assert {error.field for error in invalid.value.errors} >= {"name"}, invalid.value.errors
    with pytest.raises(NotFound):
        world.gateway.tokens.get("nobody-is-called-so")
    with pytest.raises(ConfigurationError, match="TOOLFRONT_GATEWAY_URL"):
        Gateway()
    with pytest.raises(ConfigurationError, match="not a token") as wrong:
        Gateway(world.url, "secretword")
    assert "secretword" not in str(wrong.value)


def test_variables_and_files_say_where_and_as_whom(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text(world.admin)
    file.chmod(0o600)
    monkeypatch.setenv("TOOLFRONT_GATEWAY_URL", world.url)
    assert Gateway(api_key=f"@{file}").tokens.get().name
    monkeypatch.setenv("TOOLFRONT_API_KEY", world.admin)
    gateway = Gateway()
    (organization,) = gateway.organizations()
    assert Gateway(org_id=organization.id).environments.get("shop").organization_id == organization.id


def test_the_twins_do_the_same(world: World, tmp_path: Path) -> None:
    gateway = world.gateway
    directory = write_application(tmp_path / "twin")

    async def work() -> None:
        deployed = await gateway.environments.deploy_async(directory, visibility="private")
        assert deployed.created
        assert await gateway.environments.list_async() == gateway.environments.list()
        assert await gateway.environments.get_async("twin") == gateway.environments.get("twin")
        assert (await gateway.environments.update_async("twin", network="none")).network == "none"
        assert len(await gateway.environments.releases_async("twin")) == 1
        assert (await gateway.environments.rollback_async("twin", 1)).release == 1
        await gateway.environments.set_secret_async("twin", "KEY", "valuevalue")
        assert [one.name for one in await gateway.environments.secrets_async("twin")] == ["KEY"]
        await gateway.environments.delete_secret_async("twin", "KEY")
        issued = await gateway.tokens.create_async("twin", environments=["twin"])
        assert (await gateway.tokens.get_async("twin")).id == issued.record.id
        assert (await gateway.tokens.rotate_async("twin", environments="all")).record.allowed_environments is None
        assert len(await gateway.tokens.list_async(limit=1)) == 1
        assert (await gateway.tokens.revoke_async("twin")).status == "revoked"
        await gateway.environments.delete_async("twin")
        assert (await gateway.environments.create_async("twin")).status == "empty"
        await gateway.environments.delete_async("twin")
        assert await gateway.organizations_async() == gateway.organizations()

    asyncio.run(work())
