"""ToolFront: private AI applications, from Python.

`Application` reads the pages of an application, runs their tools, and lets a model answer from them; `Gateway` manages
environments and tokens. Every call has a twin for asyncio, whose name ends in `_async`.

    from toolfront import Application

    app = Application("https://gw.example.com/e/sales")     # the token: TOOLFRONT_TOKEN, token_file= or param=
    print(app.ask("Who are our top customers?", model="openai:gpt-5"))
"""

from typing import TYPE_CHECKING, Any

from toolfront._application import Application, Page, RunResult
from toolfront._core import VERSION as __version__
from toolfront._errors import (
    AnswerInvalid,
    AuthenticationError,
    CommandNotAllowed,
    ConfigurationError,
    Conflict,
    DeployError,
    FieldError,
    InvalidRequest,
    ModelError,
    NoAnswer,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    TimedOut,
    ToolfrontError,
    TurnLimitReached,
    Unreachable,
)
from toolfront._secret import SecretValue

if TYPE_CHECKING:
    from toolfront._gateway import Gateway
    from toolfront._model import Model
    from toolfront._records import (
        Deployed,
        Environment,
        EnvironmentLimits,
        IssuedToken,
        NamedEnvironment,
        Organization,
        Published,
        Release,
        Secret,
        Token,
    )

__all__ = [
    "AnswerInvalid",
    "Application",
    "AuthenticationError",
    "CommandNotAllowed",
    "ConfigurationError",
    "Conflict",
    "DeployError",
    "Deployed",
    "Environment",
    "EnvironmentLimits",
    "FieldError",
    "Gateway",
    "InvalidRequest",
    "IssuedToken",
    "Model",
    "ModelError",
    "NamedEnvironment",
    "NoAnswer",
    "NotFound",
    "Organization",
    "Page",
    "PermissionDenied",
    "Published",
    "RateLimited",
    "Release",
    "RunResult",
    "Secret",
    "SecretValue",
    "ServerError",
    "TimedOut",
    "Token",
    "ToolfrontError",
    "TurnLimitReached",
    "Unreachable",
    "__version__",
]

# Loaded when they are asked for: a program that only calls an application needs none of it.
_LATER = {"Gateway": "toolfront._gateway", "Model": "toolfront._model"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LATER.get(name, "toolfront._records")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
