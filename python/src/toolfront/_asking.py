"""A question on its way: what Python does for the loop that runs in `_core`."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from toolfront import _core, events
from toolfront._application import Bounds
from toolfront._calls import on_loop, seconds
from toolfront._errors import ConfigurationError, ModelError, ToolfrontError
from toolfront._model import LoopThread, answer, asked, message_json, name_of
from toolfront._narrator import narrator
from toolfront._output import Output

__all__ = ["Asking"]

_MODEL_VARIABLES = ("TOOLFRONT_MODEL", "TOOLFRONT_DEFAULT_MODEL")
_CONTEXT_WINDOW_MIN = 1000


class Asking:
    """One question."""

    def __init__(
        self,
        prompt: str,
        model: Any,
        output_type: Any,
        *,
        verbose: bool,
        on_event: Callable[[events.Event], object] | None,
        bounds: Bounds,
    ) -> None:
        self._prompt = prompt
        self._model = _named(model)
        self._output = Output(output_type)
        listeners: list[Callable[[events.Event], object]] = [narrator()] if verbose else []
        self._listeners = [*listeners, on_event] if on_event is not None else listeners
        self._bounds = bounds
        self._window = _window(bounds.context_window)
        self._cancel = _core.Cancellation()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        if bounds.max_turns is not None and bounds.max_turns < 1:
            raise ConfigurationError("max_turns is 1 or more")

    def answer(self, core: _core.Application) -> Any:
        """Waits for the answer in this thread, in which all functions of the caller's are called."""
        if self._output.function is not None and inspect.iscoroutinefunction(self._output.function):
            raise ConfigurationError("output_type is an async function: ask_async awaits it")
        thread: LoopThread | None = None

        def ask(request: str, reply: _core.Reply) -> None:
            nonlocal thread
            try:
                message = asked(self._model, request)
                if not inspect.isawaitable(message):
                    reply.answer(message_json(message))
                    return
                thread = thread or LoopThread()
                thread.submit(self._awaited(message, reply))
            except BaseException as error:
                self._fail(error, reply)

        try:
            text = core.ask(
                self._prompt,
                self._asked(ask),
                self._cancel,
                dict(self._bounds.env or {}),
                schema=self._output.schema,
                max_turns=self._bounds.max_turns,
                context_window=self._window,
                timeout=seconds(self._bounds.timeout),
                tell=self._tell if self._listeners else None,
                check=self._check if self._output.schema is not None else None,
            )
        except ToolfrontError as error:
            text = self._failed(error)
        finally:
            if thread is not None:
                thread.close()
        self._raise_failure()
        value = self._output.value(text)
        return value if self._output.function is None else self._output.function(**value)

    async def answer_async(self, core: _core.Application) -> Any:
        """Waits for the answer on the running loop, on which functions of the caller's are called."""
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        models: set[asyncio.Task[Any]] = set()

        async def ask_here(request: str, reply: _core.Reply) -> None:
            try:
                if inspect.iscoroutinefunction(self._model.complete):
                    message = asked(self._model, request)
                else:
                    # One that is not async would stop the loop.
                    message = await asyncio.to_thread(asked, self._model, request)
                if inspect.isawaitable(message):
                    await self._awaited(message, reply)
                else:
                    reply.answer(message_json(message))
            except asyncio.CancelledError:
                reply.fail("it was cancelled")
                raise
            except BaseException as error:
                self._fail(error, reply)

        def begin(request: str, reply: _core.Reply) -> None:
            task = loop.create_task(ask_here(request, reply))
            models.add(task)
            task.add_done_callback(models.discard)

        def ask(request: str, reply: _core.Reply) -> None:
            loop.call_soon_threadsafe(begin, request, reply, context=context)

        def tell(text: str) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._tell, text, context=context)

        try:
            text = await on_loop(
                lambda done: core.ask(
                    self._prompt,
                    self._asked(ask),
                    self._cancel,
                    dict(self._bounds.env or {}),
                    schema=self._output.schema,
                    max_turns=self._bounds.max_turns,
                    context_window=self._window,
                    timeout=seconds(self._bounds.timeout),
                    tell=tell if self._listeners else None,
                    check=self._check if self._output.schema is not None else None,
                    done=done,
                )
            )
        except ToolfrontError as error:
            text = self._failed(error)
        finally:
            for task in models:
                task.cancel()
        self._raise_failure()
        value = self._output.value(text)
        if self._output.function is None:
            return value
        result = self._output.function(**value)
        return await result if inspect.isawaitable(result) else result

    def _asked(self, ask: Callable[[str, _core.Reply], None]) -> Any:
        if isinstance(self._model, str):
            return (self._model, os.environ.get, False)
        return (name_of(self._model), ask, True)

    def _tell(self, text: str) -> None:
        if self._failure is not None:
            return
        try:
            event = events.from_json(text)
            for listener in self._listeners:
                listener(event)
        except BaseException as error:
            self._fail(error)

    def _check(self, text: str) -> str | None:
        try:
            return self._output.check(text)
        except BaseException as error:  # of a validator of the caller's
            self._fail(error)
            return "it can't be checked"

    async def _awaited(self, message: Awaitable[Any], reply: _core.Reply) -> None:
        error = await answer(message, reply)
        if error is not None:
            self._keep(error)

    def _keep(self, error: BaseException) -> None:
        """Only the first counts: what comes after follows from it."""
        with self._lock:
            self._failure = self._failure or error

    def _fail(self, error: BaseException, reply: _core.Reply | None = None) -> None:
        """Ends the question with what a function of the caller's raised."""
        if reply is None:
            self._keep(error)
            self._cancel.cancel()
            return
        self._keep(error)
        reply.fail(f"{type(error).__name__}: {error}")

    def _failed(self, error: ToolfrontError) -> str:
        """Raises why there is no answer, unless it is what a function of the caller's raised: that is raised as it is."""
        failure = self._failure
        if failure is None:
            raise error
        if isinstance(error, ModelError) and isinstance(failure, Exception):
            self._failure = None
            raise error from failure
        return ""

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _named(model: Any) -> Any:
    if model is None:
        model = next((os.environ[name] for name in _MODEL_VARIABLES if os.environ.get(name)), None)
        if model is None:
            raise ConfigurationError(
                "there is no model to ask: give model='provider:name', such as 'openai:gpt-5', or TOOLFRONT_MODEL"
            )
    if not isinstance(model, str) and not callable(getattr(model, "complete", None)):
        raise ConfigurationError("model is 'provider:name', or an object with a method complete(messages, tools)")
    return model


def _window(tokens: int | None) -> int | None:
    if tokens is not None and tokens < _CONTEXT_WINDOW_MIN:
        warnings.warn(
            f"context_window counts tokens, and {tokens} looks like a number of messages, as in earlier packages of "
            "this name: the default is used",
            stacklevel=5,
        )
        return None
    return tokens
