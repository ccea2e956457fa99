"""Models of the caller's own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any, Protocol, cast, runtime_checkable

from toolfront import _core

__all__ = ["LoopThread", "Model", "answer", "asked", "message_json", "name_of"]


@runtime_checkable
class Model(Protocol):
    """A model of one's own: anything with a method `complete`, which may be `async`.

    `messages` and `tools` are in the format of OpenAI's chat completions. What is returned is the model's next message: a
    text, a mapping in that format (`{"content": …, "tool_calls": […]}`), or an object with such attributes, as the `openai`
    package has them. What it raises ends the question with a `ModelError`.
    """

    def complete(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Any:
        """The next message of the conversation."""
        ...


def name_of(model: Any) -> str:
    """What the model is called in messages."""
    name = getattr(model, "name", None)
    return name if isinstance(name, str) and name else type(model).__name__


def asked(model: Any, request: str) -> Any:
    """What `complete` yields for a request of `_core`: a message, or an awaitable of one."""
    fields = json.loads(request)
    return model.complete(fields["messages"], fields["tools"])


def message_json(message: Any) -> str:
    """The message of a model, as `_core` reads it."""
    if isinstance(message, str):
        return json.dumps({"content": message})
    content = _get(message, "content")
    if content is not None and not isinstance(content, str):
        raise TypeError(f"the content of a message is a text, not {type(content).__name__}")
    calls = [_call(call) for call in _get(message, "tool_calls") or ()]
    if content is None and not calls:
        raise TypeError("a message has a text as `content`, or `tool_calls`")
    return json.dumps({"content": content, "tool_calls": calls})


def _call(call: Any) -> dict[str, Any]:
    function = _get(call, "function") or call
    name = _get(function, "name")
    if not isinstance(name, str):
        raise TypeError("a call of a tool has its `name`")
    arguments = _get(function, "arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            pass  # told to the model, which wrote it
    return {"id": _get(call, "id"), "function": {"name": name, "arguments": {} if arguments is None else arguments}}


def _get(thing: Any, name: str) -> Any:
    if isinstance(thing, Mapping):
        return cast(Any, thing).get(name)
    return getattr(thing, name, None)


class LoopThread:
    """An event loop in a thread of its own, for one question: connections that an async model keeps stay with one loop,
    and the calling thread may have a loop that runs already."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="toolfront-model", daemon=True)
        self._thread.start()

    def submit(self, replying: Coroutine[Any, Any, None]) -> None:
        """Awaits it there."""
        asyncio.run_coroutine_threadsafe(replying, self._loop)

    def close(self) -> None:
        """Cancels what still runs, and ends the thread."""

        async def end() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._loop.shutdown_asyncgens()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


async def answer(awaitable: Awaitable[Any], reply: _core.Reply) -> BaseException | None:
    """Awaits the model's message, and replies; yields what it raised."""
    try:
        reply.answer(message_json(await awaitable))
    except asyncio.CancelledError:
        reply.fail("it was cancelled")
        raise
    except BaseException as error:
        reply.fail(f"{type(error).__name__}: {error}")
        return error
    return None

