"""What people write, for mypy and pyright: what each call yields is what it is said to be. Nothing here is run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Union

from pydantic import BaseModel
from typing_extensions import assert_type

from toolfront import Application, Environment, Gateway, IssuedToken, Page, RunResult, SecretValue, Token, events


@dataclass
class Customer:
    name: str


class Product(BaseModel):
    sku: str


class Own:
    """A model of one's own."""

    async def complete(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
        return "yes"


def order(product: Product, count: int) -> datetime:
    raise NotImplementedError


async def order_async(product: Product) -> int:
    raise NotImplementedError


def listener(event: events.Event) -> None:
    if isinstance(event, events.Call):
        assert_type(event.name, str)


def calls() -> None:
    app = Application("https://example.com", param="token=tf_…", env={"REGION": "eu"}, timeout=timedelta(minutes=1))
    Application("https://example.com", param=["token=tf_…", "X-Tenant=acme"])
    Application(url="https://example.com", param={"token": SecretValue("tf_…")}, ca_file="ca.pem")
    assert_type(app.run("README.md", ["ls", "-la"]), RunResult)
    assert_type(app.read("README.md"), str)
    assert_type(app.read_bytes("data.bin"), bytes)
    assert_type(app.pages(), list[Page])
    assert_type(app.ask("?"), str)
    assert_type(app.ask("?", model="openai:gpt-5", verbose=True, on_event=listener), str)
    assert_type(app.ask("?", Own(), output_type=int), int)
    assert_type(app.ask("?", output_type=str), str)
    assert_type(app.ask("?", output_type=list[Customer]), list[Customer])
    assert_type(app.ask("?", output_type=dict[str, float]), dict[str, float])
    assert_type(app.ask("?", output_type=Product), Product)
    assert_type(app.ask("?", output_type=order), datetime)
    app.ask("?", output_type=None)
    answer: int | None = app.ask("?", output_type=Union[int, None])
    print(answer)


async def waiting(app: Application) -> None:
    assert_type(await app.run_async("", ["ls"]), RunResult)
    assert_type(await app.ask_async("?"), str)
    assert_type(await app.ask_async("?", output_type=list[Product]), list[Product])
    assert_type(await app.ask_async("?", output_type=order), datetime)
    assert_type(await app.ask_async("?", output_type=order_async), int)


def management(gateway: Gateway) -> None:
    assert_type(gateway.environments.list(), list[Environment])
    assert_type(gateway.environments.deploy("./app").environment, Environment)
    issued = gateway.tokens.create("ci", scope="execute", environments=["shop"], expires="30d")
    assert_type(issued, IssuedToken)
    assert_type(issued.value.reveal(), str)
    assert_type(gateway.tokens.rotate("ci", grace=timedelta(hours=1), environments="all").record, Token)
    assert_type(gateway.tokens.revoke("ci").revoked_at, Union[datetime, None])
