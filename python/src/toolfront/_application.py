"""An application: its pages, its tools, and a model that answers from them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, Union, cast, overload

from toolfront import _core
from toolfront._calls import on_loop, seconds
from toolfront._errors import ConfigurationError
from toolfront._secret import SecretValue

if TYPE_CHECKING:
    from toolfront import events
    from toolfront._asking import Asking
    from toolfront._model import Model

    OnEvent = Callable[[events.Event], object]

__all__ = ["Application", "Page", "RunResult"]

T = TypeVar("T")

Param = Union[str, Iterable[str], Mapping[str, Union[str, SecretValue]], None]
Timeout = Union[float, timedelta, None]

@dataclass(frozen=True)
class RunResult:
    """What a command did. A command that failed is a result too: see `returncode`."""

    stdout: str
    """What it wrote to standard output; what is not UTF-8 is replaced."""
    stderr: str
    """What it wrote to standard error."""
    returncode: int
    """Its exit code; 124 when it ran out of time, 128 and the signal's number when a signal ended it."""
    duration: float
    """How long it ran, in seconds."""
    truncated: bool
    """Whether output beyond the gateway's limit was dropped."""
    timed_out: bool
    """Whether it was ended because its time was over."""
    request_id: str
    """The request's id; empty where the server gives none."""
    ignored_env: tuple[str, ...]
    """Names in `env` that the page does not mention: their values were not used."""


@dataclass(frozen=True)
class Page:
    """A page of an application."""

    path: str
    """Where it is, as `read` and `run` take it."""
    title: str | None
    description: str | None
    tools: int
    """How many tools it has."""


class Bounds(NamedTuple):
    """What bounds a question."""

    max_turns: int | None
    context_window: int | None
    timeout: Timeout
    env: Mapping[str, str] | None


class Application:
    """An application at a URL. Nothing is sent before the first call; one object serves any number of threads and tasks.

    `param` says as whom it is called: `token` is a token, `token=@FILE` one in a file that nobody else may read; any other
    name is a header of that name. It is one `"NAME=VALUE"`, several of them, or a mapping. Without a token in it there is
    `token_file`, then the variable `TOOLFRONT_TOKEN`. `env` gives values for variables that pages mention, to every
    command. `timeout` is for how many seconds a call may take, `ca_file` certificates that are trusted besides the
    system's.

    Raises `ConfigurationError` when something of this can't be used.
    """

    def __init__(
        self,
        url: str,
        param: Param = None,
        env: Mapping[str, str] | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        timeout: Timeout = None,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        parameters = _parameters(param)
        if token_file is not None:
            parameters.append(("token", f"@{os.fspath(token_file)}"))
        names = {name.lower() for name, _ in parameters}
        variable = os.environ.get("TOOLFRONT_TOKEN")
        if variable and not names & {"token", "authorization"}:
            parameters.append(("token", variable))
        self._env = dict(env or {})
        self._timeout = seconds(timeout)
        self._core = _core.Application(_base(url), parameters, ca_file)
        if self._core.has_token and self._core.is_plain_text:
            warnings.warn(f"{self.url} is not https: whoever is on the way can read the token", stacklevel=2)

    @property
    def url(self) -> str:
        """Where the application is."""
        return self._core.url

    def __repr__(self) -> str:
        return f"Application({self.url!r})"

    def run(
        self,
        page: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> RunResult:
        """Runs a tool of a page: a command as one of the page's tools allows it, as a list of words.

        A command that fails is a result, with its `returncode`. `CommandNotAllowed` has the page's tools. Ctrl-C, or a
        `timeout` that is over, ends the command on the server too.
        """
        given = (page, _words(command), {**self._env, **(env or {})})
        return _result(self._core.run(*given, self._within(timeout)))

    async def run_async(
        self,
        page: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> RunResult:
        """As `run`. Cancelling it ends the command on the server too."""
        given = (page, _words(command), {**self._env, **(env or {})})
        limit = self._within(timeout)
        return _result(await on_loop(lambda done: self._core.run(*given, limit, done)))

    def read(self, path: str = "README.md", *, timeout: Timeout = None) -> str:
        """The text of a page or file, as it was deployed."""
        return self._core.read(path, self._within(timeout))

    async def read_async(self, path: str = "README.md", *, timeout: Timeout = None) -> str:
        """As `read`."""
        limit = self._within(timeout)
        text: str = await on_loop(lambda done: self._core.read(path, limit, done))
        return text

    def read_bytes(self, path: str, *, timeout: Timeout = None) -> bytes:
        """The bytes of a file."""
        return self._core.read_bytes(path, self._within(timeout))

    async def read_bytes_async(self, path: str, *, timeout: Timeout = None) -> bytes:
        """As `read_bytes`."""
        limit = self._within(timeout)
        content: bytes = await on_loop(lambda done: self._core.read_bytes(path, limit, done))
        return content

    def pages(self, *, timeout: Timeout = None) -> list[Page]:
        """All pages. Of a server that lists none, those that links lead to from the first one."""
        return [Page(*page) for page in self._core.pages(self._within(timeout))]

    async def pages_async(self, *, timeout: Timeout = None) -> list[Page]:
        """As `pages`."""
        limit = self._within(timeout)
        return [Page(*page) for page in await on_loop(lambda done: self._core.pages(limit, done))]

    @overload
    def ask(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> str: ...
    @overload
    def ask(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: None,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> None: ...
    @overload
    def ask(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: type[T],
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> T: ...
    @overload
    def ask(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: Callable[..., T],
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> T: ...
    @overload
    def ask(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: Any,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> Any: ...
    def ask(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: Any = str,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> Any:
        """Lets a model answer from the application: it reads its pages and runs their tools until it can.

        `model` is `provider:name`, such as `openai:gpt-5`, with the provider's key in its usual variable, or a `Model` of
        one's own; without it, the variable `TOOLFRONT_MODEL` names it. `output_type` is what the answer has to be: anything
        that pydantic can describe, or a function, whose parameters the model fills and whose result is returned. What does
        not fit goes back to the model, three times at most; then there is `AnswerInvalid`.

        `verbose` prints on standard error what the model thinks, calls and gets; `on_event` is called with each event (see
        `toolfront.events`), and what it raises ends the question. `max_turns` is how often the model may be asked,
        `context_window` how many tokens the conversation may have before the oldest results are dropped from it.
        """
        bounds = Bounds(max_turns, context_window, timeout, env)
        asking = self._asking(prompt, model, output_type, verbose, on_event, bounds)
        return asking.answer(self._core)

    @overload
    async def ask_async(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> str: ...
    @overload
    async def ask_async(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: None,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> None: ...
    @overload
    async def ask_async(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: type[T],
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> T: ...
    @overload
    async def ask_async(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: Callable[..., Awaitable[T]],
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> T: ...
    @overload
    async def ask_async(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: Callable[..., T],
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> T: ...
    @overload
    async def ask_async(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: Any,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> Any: ...
    async def ask_async(
        self,
        prompt: str,
        model: str | Model | None = None,
        *,
        output_type: Any = str,
        context_window: int | None = None,
        verbose: bool = False,
        on_event: OnEvent | None = None,
        max_turns: int | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Timeout = None,
    ) -> Any:
        """As `ask`. `on_event` and an async model are called on the running loop, a model that is not async in a thread;
        an async function as `output_type` is awaited. Cancelling it ends the commands that run for it."""
        bounds = Bounds(max_turns, context_window, timeout, env)
        asking = self._asking(prompt, model, output_type, verbose, on_event, bounds)
        return await asking.answer_async(self._core)

    def _asking(
        self,
        prompt: str,
        model: str | Model | None,
        output_type: Any,
        verbose: bool,
        on_event: OnEvent | None,
        bounds: Bounds,
    ) -> Asking:
        # Loaded with the first question: it brings asyncio along.
        from toolfront._asking import Asking

        env = {**self._env, **(bounds.env or {})}
        bounds = bounds._replace(timeout=self._within(bounds.timeout), env=env)
        return Asking(prompt, model, output_type, verbose=verbose, on_event=on_event, bounds=bounds)

    def _within(self, timeout: Timeout) -> float | None:
        return self._timeout if timeout is None else seconds(timeout)


def _parameters(param: Param) -> list[tuple[str, str]]:
    """Names and values; what is wrong is told without a value."""
    if param is None:
        return []
    pairs: list[tuple[str, str]] = []
    if isinstance(param, Mapping):
        for name, value in cast(Mapping[Any, Any], param).items():
            text = value.reveal() if isinstance(value, SecretValue) else value
            if not isinstance(name, str) or not isinstance(text, str):
                raise ConfigurationError(f"param: the value of {name!r} has to be a str")
            pairs.append((name, text))
        return pairs
    texts: list[Any] = [param] if isinstance(param, str) else list(param)
    for text in texts:
        name, equals, value = text.partition("=") if isinstance(text, str) else ("", "", "")
        if not equals or not name.strip():
            raise ConfigurationError("a param is written as NAME=VALUE, such as token=@FILE or X-Tenant=acme")
        pairs.append((name.strip(), value))
    return pairs


def _base(url: str) -> str:
    """The application's URL: where its first page is given, what is above it."""
    url = url.strip()
    return url.removesuffix("/README.md")


def _words(command: Sequence[str]) -> list[str]:
    if isinstance(command, (str, bytes)):
        raise TypeError("command is a list of words, such as ['ls', '-la']: there is no shell to split a text")
    return list(command)


def _result(ran: dict[str, Any]) -> RunResult:
    return RunResult(
        ran["stdout"],
        ran["stderr"],
        ran["returncode"],
        ran["duration"],
        ran["truncated"],
        ran["timed_out"],
        ran["request_id"],
        tuple(ran["ignored_env"]),
    )
