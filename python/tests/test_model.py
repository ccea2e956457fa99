"""Models of one's own: objects with a method `complete`."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from toolfront import Application, Model, ModelError


class Scripted:
    """Says one thing after the other, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, *messages: Any) -> None:
        self.messages = list(messages)
        self.asked: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = []
        self.threads: list[int] = []

    def complete(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Any:
        self.asked.append((messages, tools))
        self.threads.append(threading.get_ident())
        message = self.messages.pop(0)
        if isinstance(message, BaseException):
            raise message
        return message


class AsyncScripted(Scripted):
    loops: set[int]

    async def complete(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Any:
        await asyncio.sleep(0)
        self.loops = {*getattr(self, "loops", set()), id(asyncio.get_running_loop())}
        return super().complete(messages, tools)


def tool_call(name: str, arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": function}]}


def run_command(*command: str) -> dict[str, Any]:
    return tool_call("run_command", {"page": "", "command": list(command)})


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
def test_it_answers_after_it_ran_tools(kind: type[Scripted], is_async: bool, app: Application) -> None:
    own = kind(run_command("echo", "hello"), run_command("rm"), "It says hello.")
    assert isinstance(own, Model)
    if is_async:
        assert asyncio.run(app.ask_async("What?", own)) == "It says hello."
    else:
        assert app.ask("What?", own) == "It says hello."
    messages, tools = own.asked[-1]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert messages[1]["content"] == "What?" and "hello" in messages[3]["content"]
    assert messages[2]["tool_calls"][0]["id"] == messages[3]["tool_call_id"] == "a"
    assert "ls" in messages[5]["content"]
    assert {tool["function"]["name"] for tool in tools} == {"read_page", "run_command"}
    if isinstance(own, AsyncScripted):
        assert len(own.loops) == 1, "connections that it keeps stay with one loop"
    elif not is_async:
        assert set(own.threads) == {threading.get_ident()}


def test_a_message_may_be_an_object_as_the_openai_package_has_them(app: Application) -> None:
    function = SimpleNamespace(name="final_answer", arguments='{"answer": 7}')
    own = Scripted(SimpleNamespace(content=None, tool_calls=[SimpleNamespace(id="a", function=function)]))
    assert app.ask("?", own, output_type=int) == 7


def test_arguments_that_are_no_json_go_back_to_it(app: Application) -> None:
    call = run_command("ls")
    call["tool_calls"][0]["function"]["arguments"] = "{not json"
    own = Scripted(call, "done")
    assert app.ask("?", own) == "done"
    assert own.asked[1][0][-2]["tool_calls"][0]["function"]["arguments"] == "{not json"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
def test_what_it_raises_is_the_cause_of_a_model_error(kind: type[Scripted], is_async: bool, app: Application) -> None:
    own = kind(LookupError("no weights"))
    with pytest.raises(ModelError, match="scripted failed: LookupError: no weights") as caught:
        if is_async:
            asyncio.run(app.ask_async("?", own))
        else:
            app.ask("?", own)
    assert isinstance(caught.value.__cause__, LookupError)


def test_it_may_be_interrupted(app: Application) -> None:
    with pytest.raises(KeyboardInterrupt):
        app.ask("?", Scripted(KeyboardInterrupt()))


@pytest.mark.parametrize("message", [7, {"content": None}, {"tool_calls": [{"function": {}}]}, {"content": 7}])
def test_what_is_no_message_is_told(message: Any, app: Application) -> None:
    with pytest.raises(ModelError, match="scripted failed: TypeError"):
        app.ask("?", Scripted(message))


def test_an_async_one_works_within_a_running_loop(app: Application) -> None:
    async def cell() -> str:
        return app.ask("?", AsyncScripted("from a notebook"))

    assert asyncio.run(cell()) == "from a notebook"


def test_it_may_call_the_application_itself(app: Application) -> None:
    class Nested:
        def complete(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
            return app.run("", ["echo", "nested"]).stdout

    assert app.ask("?", Nested()) == "nested\n"


def test_one_that_is_not_async_does_not_stop_the_loop(app: Application) -> None:
    waiting = threading.Event()

    class Slow:
        def complete(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
            assert waiting.wait(30)
            return "done"

    async def work() -> str:
        task = asyncio.create_task(app.ask_async("?", Slow()))
        await asyncio.sleep(0.2)
        assert not task.done()
        waiting.set()
        return await task

    assert asyncio.run(work()) == "done"


def test_cancelling_cancels_an_async_one(app: Application) -> None:
    cancelled = []

    class Waiting:
        async def complete(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise
            return "never"

    async def work() -> None:
        task = asyncio.create_task(app.ask_async("?", Waiting()))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)

    asyncio.run(work())
    assert cancelled == [True]
