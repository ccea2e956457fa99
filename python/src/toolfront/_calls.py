"""How a call of `_core` is waited for: by the thread, or by an event loop."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable
from typing import Any, TypeVar

from toolfront import _core

__all__ = ["Done", "on_loop"]

T = TypeVar("T")

Done = Callable[[Any, BaseException | None], None]
"""Called with what came out, or why nothing did."""

# Before the interpreter goes: a thread that would wait for it afterwards could only hang.
atexit.register(_core.shut_down)


async def on_loop(start: Callable[[Done], _core.Task]) -> Any:
    """Waits for a call on the running loop. When the waiting is cancelled, the call is broken off, and with it the command
    that it runs on the server."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def done(value: Any, error: BaseException | None) -> None:
        # From another thread. A loop that is closed has nobody that waits.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, error)

    task = start(done)
    try:
        return await future
    except BaseException:
        task.cancel()
        raise
