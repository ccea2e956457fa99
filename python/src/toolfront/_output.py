"""What an answer has to be: `output_type` as a schema, as a check, and as a value. pydantic is loaded when it is needed."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from typing import Any, cast, get_origin, get_type_hints

from toolfront._errors import ConfigurationError

__all__ = ["Output"]

_TYPING_MODULES = ("typing", "types", "typing_extensions")


class Output:
    """An `output_type`: `schema` is `None` for a text."""

    def __init__(self, output_type: Any) -> None:
        self.schema: str | None = None
        self.function: Callable[..., Any] | None = None
        self._adapter: Any = None
        if output_type is str:
            return
        if is_function(output_type):
            self.function = output_type
        try:
            self._adapter = _adapter(output_type)
            self.schema = json.dumps(self._adapter.json_schema(by_alias=True))
        except ConfigurationError:
            raise
        except Exception as error:  # whatever pydantic says of a type that it can't describe
            raise ConfigurationError(f"output_type can't be described to a model: {error}") from error

    def check(self, answer: str) -> str | None:
        """What is wrong with the answer, in pydantic's words for the model."""
        from pydantic import ValidationError

        if self._adapter is None:
            return None
        try:
            self._adapter.validate_json(answer)
        except ValidationError as error:
            return str(error)
        return None

    def value(self, answer: str) -> Any:
        """The answer as a value; for a function, its arguments by name."""
        if self._adapter is None:
            return answer
        value = self._adapter.validate_json(answer)
        return value if self.function is None else arguments_of(value)


def is_function(output_type: Any) -> bool:
    """Whether it is called with what the model gives, rather than made of it."""
    if inspect.isroutine(output_type) or isinstance(output_type, functools.partial):
        return True
    is_type = isinstance(output_type, type) or get_origin(output_type) is not None
    return callable(output_type) and not is_type and type(output_type).__module__ not in _TYPING_MODULES


def _adapter(output_type: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(_arguments(output_type) if is_function(output_type) else output_type)


def _arguments(function: Callable[..., Any]) -> Any:
    """A model whose fields are the function's parameters."""
    from pydantic import ConfigDict, Field, create_model

    target: Any = function
    if isinstance(function, functools.partial):
        target = cast(Any, function).func
    name = getattr(target, "__name__", type(target).__name__)
    hinted = target if inspect.isroutine(target) else type(target).__call__
    hints = get_type_hints(hinted, include_extras=True)
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(inspect.signature(cast(Any, function)).parameters.values()):
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigurationError(
                f"output_type: {name}() has the parameter {parameter}, and a model gives arguments by name"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        # By an alias: a parameter may be called as a field can't be.
        field = Field(default=default, alias=parameter.name)
        fields[f"parameter_{number}"] = (hints.get(parameter.name, Any), field)
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    return create_model(name, __config__=config, __doc__=inspect.getdoc(target), **fields)


def arguments_of(model: Any) -> dict[str, Any]:
    """The arguments that the model gave, by the names of the parameters."""
    fields: dict[str, Any] = cast(Any, type(model)).model_fields
    given: set[str] = model.model_fields_set
    return {fields[name].alias: getattr(model, name) for name in given}
