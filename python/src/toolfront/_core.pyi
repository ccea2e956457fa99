"""The native part of the package. Private: use `toolfront`."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, final, overload

_Done = Callable[[Any, BaseException | None], None]
_Ran = dict[str, Any]

__all__ = [
    "VERSION",
    "Application",
    "Cancellation",
    "Gateway",
    "Reply",
    "Task",
    "launcher_main",
    "run_command_line",
    "shut_down",
    "thread_count",
]

VERSION: str

def run_command_line(words: Sequence[str], launcher: tuple[str, Sequence[str]]) -> int: ...
def launcher_main() -> int: ...
def shut_down() -> None: ...
def thread_count() -> int: ...
@final
class Task:
    def cancel(self) -> None: ...

@final
class Cancellation:
    def __new__(cls) -> Cancellation: ...
    def cancel(self) -> None: ...

@final
class Reply:
    def answer(self, message: str) -> None: ...
    def fail(self, reason: str) -> None: ...

@final
class Application:
    def __new__(
        cls, url: str, parameters: Sequence[tuple[str, str]], ca_file: str | PathLike[str] | None = None
    ) -> Application: ...
    @property
    def url(self) -> str: ...
    @property
    def has_token(self) -> bool: ...
    @property
    def is_plain_text(self) -> bool: ...
    @overload
    def run(
        self,
        page: str,
        command: Sequence[str],
        env: dict[str, str],
        timeout: float | None = None,
        done: None = None,
    ) -> _Ran: ...
    @overload
    def run(
        self, page: str, command: Sequence[str], env: dict[str, str], timeout: float | None, done: _Done
    ) -> Task: ...
    @overload
    def pages(
        self, timeout: float | None = None, done: None = None
    ) -> list[tuple[str, str | None, str | None, int]]: ...
    @overload
    def pages(self, timeout: float | None, done: _Done) -> Task: ...
    @overload
    def read(self, path: str, timeout: float | None = None, done: None = None) -> str: ...
    @overload
    def read(self, path: str, timeout: float | None, done: _Done) -> Task: ...
    @overload
    def read_bytes(self, path: str, timeout: float | None = None, done: None = None) -> bytes: ...
    @overload
    def read_bytes(self, path: str, timeout: float | None, done: _Done) -> Task: ...
    @overload
    def ask(
        self,
        prompt: str,
        model: tuple[str, Callable[[str], str | None], Literal[False]] | tuple[str, Callable[[str, Reply], None], Literal[True]],
        cancel: Cancellation,
        env: dict[str, str],
        *,
        schema: str | None = None,
        max_turns: int | None = None,
        context_window: int | None = None,
        timeout: float | None = None,
        tell: Callable[[str], None] | None = None,
        check: Callable[[str], str | None] | None = None,
        done: None = None,
    ) -> str: ...
    @overload
    def ask(
        self,
        prompt: str,
        model: tuple[str, Callable[[str], str | None], Literal[False]] | tuple[str, Callable[[str, Reply], None], Literal[True]],
        cancel: Cancellation,
        env: dict[str, str],
        *,
        schema: str | None = None,
        max_turns: int | None = None,
        context_window: int | None = None,
        timeout: float | None = None,
        tell: Callable[[str], None] | None = None,
        check: Callable[[str], str | None] | None = None,
        done: _Done,
    ) -> Task: ...

@final
class Gateway:
    def __new__(
        cls,
        url: str,
        api_key: str | None = None,
        organization: str | None = None,
        ca_file: str | PathLike[str] | None = None,
    ) -> Gateway: ...
    @property
    def url(self) -> str: ...
    @overload
    def call(self, operation: str, timeout: float | None = None, done: None = None) -> str: ...
    @overload
    def call(self, operation: str, timeout: float | None, done: _Done) -> Task: ...
