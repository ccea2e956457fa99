"""What `ask` tells `on_event` while a model works."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Union

__all__ = ["Call", "Dropped", "Event", "Output", "Repair", "Result", "Retry", "Text", "Thought", "Turn"]


@dataclass(frozen=True)
class Turn:
    """The model is asked; the first turn is 1."""

    turn: int


@dataclass(frozen=True)
class Thought:
    """A piece of what the model thinks."""

    text: str


@dataclass(frozen=True)
class Text:
    """A piece of what the model says."""

    text: str


@dataclass(frozen=True)
class Call:
    """The model calls a tool."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True)
class Output:
    """A command prints."""

    id: str
    text: str


@dataclass(frozen=True)
class Result:
    """What a call came to: what the model is told."""

    id: str
    name: str
    content: str
    is_error: bool


@dataclass(frozen=True)
class Retry:
    """The provider is asked again, after so many seconds; what it had said is void."""

    reason: str
    after: float


@dataclass(frozen=True)
class Repair:
    """The answer does not fit, and the model is told so."""

    reason: str


@dataclass(frozen=True)
class Dropped:
    """The conversation grew too long: so many of the oldest results were dropped from it."""

    results: int


Event = Union[Turn, Thought, Text, Call, Output, Result, Retry, Repair, Dropped]
"""Any of them."""

_KINDS: dict[str, Any] = {
    "turn": Turn,
    "thought": Thought,
    "text": Text,
    "call": Call,
    "output": Output,
    "result": Result,
    "retry": Retry,
    "repair": Repair,
    "dropped": Dropped,
}


def from_json(text: str) -> Event:
    """The event that `_core` tells."""
    fields = json.loads(text)
    event: Event = _KINDS[fields.pop("event")](**fields)
    return event
