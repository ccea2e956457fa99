"""What `verbose=True` prints: what the model thinks, says, calls and gets, on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from toolfront import events

__all__ = ["narrator"]

_RESULT_CHARACTERS_MAX = 2000


def narrator() -> Callable[[events.Event], None]:
    """A function that prints each event as it comes."""
    is_in_line = False

    def write(text: str, *, is_piece: bool = False) -> None:
        nonlocal is_in_line
        shown = "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
        if not shown:
            return
        if not is_piece and is_in_line:
            shown = "\n" + shown
        sys.stderr.write(shown if is_piece else shown + "\n")
        sys.stderr.flush()
        is_in_line = is_piece and not shown.endswith("\n")

    def tell(event: events.Event) -> None:
        if isinstance(event, (events.Text, events.Thought)):
            write(event.text, is_piece=True)
        elif isinstance(event, events.Call):
            write(f"→ {event.name} {json.dumps(event.arguments, ensure_ascii=False)}")
        elif isinstance(event, events.Output):
            write(event.text, is_piece=True)
        elif isinstance(event, events.Result):
            text = event.content
            if len(text) > _RESULT_CHARACTERS_MAX:
                text = text[:_RESULT_CHARACTERS_MAX] + "…"
            write(("✗ " if event.is_error else "← ") + text)
        elif isinstance(event, events.Retry):
            write(f"… again in {event.after:.1f} s: {event.reason}")
        elif isinstance(event, events.Repair):
            write(f"… the answer does not fit: {event.reason}")
        elif isinstance(event, events.Dropped):
            write(f"… {event.results} of the oldest results were dropped")

    return tell
