"""Values that are not to be seen."""

from __future__ import annotations

import hmac
from typing import NoReturn

__all__ = ["SecretValue"]


class SecretValue:
    """A secret, such as a token's value. Prints nothing of it; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, to be handed to whoever needs it. Keep it out of logs."""
        return self._value

    def __repr__(self) -> str:
        return "SecretValue(…)"

    __str__ = __repr__

    def __format__(self, spec: str, /) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretValue):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((SecretValue, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: reveal() gives its value")
