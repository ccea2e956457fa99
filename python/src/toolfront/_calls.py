"""How a call of `_core` is waited for: by the thread, or by an event loop."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from toolfront import _core

if TYPE_CHECKING:
    import asyncio

__all__ = ["Done", "on_loop", "seconds"]

Done = Callable[[Any, BaseException | None], None]
"""Called with what came out, or why nothing did."""

# Before the interpreter goes: a thread that would wait for it afterwards could only hang.
atexit.register(_core.shut_down)


async def on_loop(start: Callable[[Done], _core.Task]) -> Any:
    """Waits for a call on the running loop. When the waiting is cancelled, the call is broken off, and with it the command
    that it runs on the server."""
    import asyncio

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


def seconds(timeout: float | timedelta | None) -> float | None:
    """A time that a call may take, in seconds."""
    if timeout is None:
        return None
    value = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
    if not 0 < value < float("inf"):
        raise ValueError("a timeout is a number of seconds above 0")
    return value
