"""Answers of a model, as every kind of value; and what happens when there is none."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import sys
from collections.abc import Callable
from typing import Any, Literal, Optional, Union

import pydantic
import pytest
from conftest import Double, World, call, final, python, run_command, text

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict

from toolfront import (
    AnswerInvalid,
    Application,
    AuthenticationError,
    ConfigurationError,
    ModelError,
    NotFound,
    TimedOut,
    TurnLimitReached,
    events,
)

MODEL = "openai:gpt-4o"
Start = Callable[..., Double]


@dataclasses.dataclass
class Customer:
    name: str
    orders: int = 0


class Row(TypedDict):
    name: str
    orders: int


class Product(pydantic.BaseModel):
    """A product."""

    sku: str = pydantic.Field(description="the number on the box", pattern="^[A-Z]+$")
    price: float


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Tree(pydantic.BaseModel):
    label: str
    children: list[Tree] = []


TYPES: list[tuple[Any, Any, Any]] = [
    (int, 42, 42),
    (float, 1.5, 1.5),
    (bool, True, True),
    (None, None, None),
    (list[int], [1, 2], [1, 2]),
    (list[Customer], [{"name": "Ann", "orders": 3}], [Customer("Ann", 3)]),
    (dict[str, float], {"a": 1.5}, {"a": 1.5}),
    (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
    (Union[int, str], "x", "x"),
    (Optional[int], None, None),
    (int | None, 7, 7),
    (tuple[int, str], [1, "a"], (1, "a")),
    (set[str], ["a"], {"a"}),
    (Literal["yes", "no"], "yes", "yes"),
    (Colour, "red", Colour.RED),
    (Customer, {"name": "Ann"}, Customer("Ann")),
    (Row, {"name": "Ann", "orders": 1}, {"name": "Ann", "orders": 1}),
    (Product, {"sku": "AB", "price": 2}, Product(sku="AB", price=2)),
    (Tree, {"label": "a", "children": [{"label": "b"}]}, Tree(label="a", children=[Tree(label="b")])),
    (Any, {"anything": [1]}, {"anything": [1]}),
]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("output_type", "said", "value"), TYPES, ids=[str(one[0]) for one in TYPES])
def test_every_type_of_answer(
    output_type: Any, said: Any, value: Any, is_async: bool, app: Application, model: Start
) -> None:
    double = model(final(said))
    if is_async:
        answer = asyncio.run(app.ask_async("?", MODEL, output_type=output_type))
    else:
        answer = app.ask("?", MODEL, output_type=output_type)
    assert (type(answer), answer) == (type(value), value)
    tools = {tool["function"]["name"] for tool in double.requests[0]["tools"]}
    assert tools == {"read_page", "run_command", "final_answer"}


def test_a_text_is_answered_after_tools_were_run(app: Application, model: Start) -> None:
    double = model(run_command("echo", "hello"), call("read_page", path="guide.md"), text("It says hello."))
    assert app.ask("What does it say?", model=MODEL) == "It says hello."
    last = str(double.requests[-1]["messages"])
    assert "hello" in last and "No tools here." in last and "# The shop" in last
    assert "final_answer" not in str(double.requests[0]["tools"])


def test_the_model_may_be_named_by_a_variable(
    app: Application, model: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="TOOLFRONT_MODEL"):
        app.ask("?")
    model(text("yes"), repeat_last=True)
    for name in ("TOOLFRONT_DEFAULT_MODEL", "TOOLFRONT_MODEL"):
        monkeypatch.setenv(name, MODEL)
        assert app.ask("?") == "yes"


def test_a_function_gets_the_arguments_and_its_result_is_returned(app: Application, model: Start) -> None:
    def order(customer: Customer, count: int, note: str = "none", *, express: bool = False) -> str:
        """Orders something for a customer."""
        return f"{customer.name} {count} {note} {express}"

    double = model(final({"customer": {"name": "Ann"}, "count": 2, "express": True}))
    assert app.ask("?", MODEL, output_type=order) == "Ann 2 none True"
    answer = double.requests[0]["tools"][-1]["function"]["parameters"]["properties"]["answer"]
    assert answer["description"] == "Orders something for a customer."
    assert set(answer["properties"]) == {"customer", "count", "note", "express"}
    assert answer["required"] == ["customer", "count"]


def test_a_method_and_an_object_that_is_called_are_functions_too(app: Application, model: Start) -> None:
    class Shop:
        def __init__(self) -> None:
            self.sold = 0

        def sell(self, count: int) -> int:
            self.sold += count
            return self.sold

        def __call__(self, count: int) -> str:
            return f"called with {count}"

    model(final({"count": 2}), repeat_last=True)
    shop = Shop()
    assert app.ask("?", MODEL, output_type=shop.sell) == 2
    assert app.ask("?", MODEL, output_type=shop) == "called with 2"


def test_an_async_function_is_awaited(app: Application, model: Start) -> None:
    async def double_of(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    function: Any = double_of
    model(final({"n": 4}), repeat_last=True)
    assert asyncio.run(app.ask_async("?", MODEL, output_type=double_of)) == 8
    with pytest.raises(ConfigurationError, match="ask_async"):
        app.ask("?", MODEL, output_type=function)


def test_what_a_function_raises_is_raised(app: Application, model: Start) -> None:
    def fails(n: int) -> None:
        raise LookupError(f"no {n}")

    model(final({"n": 4}))
    with pytest.raises(LookupError, match="no 4"):
        app.ask("?", MODEL, output_type=fails)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_what_does_not_fit_goes_back_to_the_model(is_async: bool, app: Application, model: Start) -> None:
    class Even(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def _even(cls, n: int) -> int:
            if n % 2:
                raise ValueError(f"{n} is odd, and an even number is wanted")
            return n

    double = model(final({"n": "x"}), final({"n": 3}), text("5"), final({"n": 4}))
    seen: list[events.Event] = []
    if is_async:
        even = asyncio.run(app.ask_async("?", MODEL, output_type=Even, on_event=seen.append))
    else:
        even = app.ask("?", MODEL, output_type=Even, on_event=seen.append)
    assert even.n == 4
    assert "3 is odd, and an even number is wanted" in str(double.requests[2]["messages"])
    assert sum(isinstance(event, events.Repair) for event in seen) == 3


def test_after_three_repairs_there_is_no_answer(app: Application, model: Start) -> None:
    double = model(final("x"), repeat_last=True)
    with pytest.raises(AnswerInvalid, match="in 4 tries"):
        app.ask("?", MODEL, output_type=int)
    assert len(double.requests) == 4


def test_what_a_validator_raises_besides_is_raised(app: Application, model: Start) -> None:
    class Broken(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def _broken(cls, n: int) -> int:
            raise RuntimeError("the validator is broken")

    model(final({"n": 1}), repeat_last=True)
    with pytest.raises(RuntimeError, match="the validator is broken"):
        app.ask("?", MODEL, output_type=Broken)


@pytest.mark.parametrize("output_type", [object(), lambda *words: 0, Callable[[int], int]], ids=["object", "words", "callable"])
def test_a_type_that_can_not_be_described_is_told_before_anything_is_asked(output_type: Any, app: Application) -> None:
    with pytest.raises(ConfigurationError, match="output_type"):
        app.ask("?", MODEL, output_type=output_type)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_provider_that_refuses_is_told_in_its_own_words(is_async: bool, app: Application, model: Start) -> None:
    model({"status": 400, "message": "the model does not exist"})
    with pytest.raises(ModelError, match="the model does not exist") as caught:
        if is_async:
            asyncio.run(app.ask_async("?", MODEL))
        else:
            app.ask("?", MODEL)
    assert caught.value.status == 400


def test_a_provider_that_is_busy_is_asked_again(app: Application, model: Start) -> None:
    model({"status": 429, "message": "slow down", "retry_after": 0}, text("now"))
    seen: list[events.Event] = []
    assert app.ask("?", MODEL, on_event=seen.append) == "now"
    assert any(isinstance(event, events.Retry) and "slow down" in event.reason for event in seen)


def test_a_model_without_a_key_or_a_provider_is_told(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
        app.ask("?", "anthropic:claude")
    with pytest.raises(ConfigurationError, match="no provider `nobody`"):
        app.ask("?", "nobody:x")
    with pytest.raises(ConfigurationError, match="complete"):
        app.ask("?", 7)  # type: ignore[call-overload]


def test_a_model_that_comes_to_no_end_is_ended(app: Application, model: Start) -> None:
    double = model(run_command("ls"), repeat_last=True)
    with pytest.raises(TurnLimitReached, match="3 turns"):
        app.ask("?", MODEL, max_turns=3)
    assert len(double.requests) == 3
    with pytest.raises(ConfigurationError, match="max_turns"):
        app.ask("?", MODEL, max_turns=0)


def test_the_oldest_results_are_dropped_from_a_long_conversation(app: Application, model: Start) -> None:
    words = "x" * 3000
    model(run_command("echo", words), run_command("echo", words), run_command("echo", words), text("done"))
    seen: list[events.Event] = []
    assert app.ask("?", MODEL, context_window=3500, on_event=seen.append) == "done"
    assert any(isinstance(event, events.Dropped) for event in seen)


def test_a_window_in_messages_is_warned_of(app: Application, model: Start) -> None:
    model(text("yes"))
    with pytest.warns(UserWarning, match="counts tokens") as warned:
        assert app.ask("?", MODEL, context_window=30) == "yes"
    assert warned[0].filename == __file__


def test_a_time_limit_ends_a_question(app: Application, model: Start) -> None:
    model({"hang": True})
    with pytest.raises(TimedOut):
        app.ask("?", MODEL, timeout=0.3)


def test_cancelling_ends_a_question(app: Application, model: Start) -> None:
    model({"hang": True})

    async def work() -> None:
        task = asyncio.create_task(app.ask_async("?", MODEL))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())


def test_the_application_s_own_refusals_are_raised(world: World, model: Start) -> None:
    model(text("x"), repeat_last=True)
    with pytest.raises(AuthenticationError):
        Application(world.app_url).ask("?", MODEL)
    with pytest.raises(NotFound):
        Application(f"{world.url}/e/nothing", f"token={world.token}").ask("?", MODEL)


def test_a_token_revoked_midway_ends_a_question(world: World, model: Start) -> None:
    issued = world.gateway.tokens.create("asks", environments=["shop"])
    app = Application(world.app_url, {"token": issued.value})
    model(run_command("ls"), run_command("ls"), text("never"))

    def revoke(event: events.Event) -> None:
        if isinstance(event, events.Result):
            world.gateway.tokens.revoke(issued.record.id)

    with pytest.raises(AuthenticationError):
        app.ask("?", MODEL, on_event=revoke)


def test_values_for_variables_go_to_the_commands_and_not_to_the_model(world: World, model: Start) -> None:
    double = model(run_command("echo", "x"), text("done"))
    app = Application(world.app_url, f"token={world.token}", {"GREETING": "secretword"})
    app.ask("?", MODEL, env={"OTHER": "secretword"})
    told = str(double.requests)
    assert "GREETING" in told and "secretword" not in told


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_events_tell_what_happens_in_its_order(is_async: bool, app: Application, model: Start) -> None:
    model(run_command("echo", "hello"), text("Done."))
    seen: list[events.Event] = []
    if is_async:
        asyncio.run(app.ask_async("?", MODEL, on_event=seen.append))
    else:
        app.ask("?", MODEL, on_event=seen.append)
    whats = [type(event).__name__ for event in seen]
    assert [what for what, before in zip(whats, ["", *whats]) if what != before] == [
        "Turn", "Call", "Output", "Result", "Turn", "Text",
    ]
    (made,) = (event for event in seen if isinstance(event, events.Call))
    assert (made.name, made.arguments) == ("run_command", {"page": "README.md", "command": ["echo", "hello"]})
    (result,) = (event for event in seen if isinstance(event, events.Result))
    assert "hello" in result.content and not result.is_error and result.id == made.id


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_what_a_listener_raises_ends_the_question(is_async: bool, app: Application, model: Start) -> None:
    def listener(event: events.Event) -> None:
        if isinstance(event, events.Call):
            raise LookupError("enough")

    model(run_command("sleep", "30"), text("never"))
    with pytest.raises(LookupError, match="enough"):
        if is_async:
            asyncio.run(app.ask_async("?", MODEL, on_event=listener))
        else:
            app.ask("?", MODEL, on_event=listener)


def test_a_listener_may_call_the_application(app: Application, model: Start) -> None:
    ran: list[str] = []

    def listener(event: events.Event) -> None:
        if isinstance(event, events.Call):
            ran.append(app.run("", ["echo", "nested"]).stdout)

    model(run_command("ls"), text("done"))
    assert app.ask("?", MODEL, on_event=listener) == "done"
    assert ran == ["nested\n"]


def test_verbose_prints_on_standard_error(app: Application, model: Start, capsys: pytest.CaptureFixture[str]) -> None:
    model(run_command("echo", "\x1b[31mhello"), text("Done."))
    assert app.ask("?", MODEL, verbose=True) == "Done."
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "→ run_command" in captured.err and "hello" in captured.err and "Done." in captured.err
    assert "\x1b" not in captured.err


def test_a_question_within_a_running_loop(app: Application, model: Start) -> None:
    model(text("from a notebook"))

    async def cell() -> str:
        return app.ask("?", MODEL)

    assert asyncio.run(cell()) == "from a notebook"


def test_many_questions_at_once(app: Application, model: Start) -> None:
    model(final(7), repeat_last=True)

    async def work() -> list[int]:
        return await asyncio.gather(*(app.ask_async("?", MODEL, output_type=int) for _ in range(50)))

    assert asyncio.run(work()) == [7] * 50


def test_a_key_of_a_provider_shows_nowhere(app: Application, model: Start) -> None:
    double = model({"status": 401, "message": "Incorrect API key provided: sk-double-0123456789"})
    with pytest.raises(ModelError) as caught:
        app.ask("?", MODEL)
    assert "sk-double-0123456789" not in str(caught.value)
    assert double.url


def test_the_module_is_not_needed_before_a_schema_is(world: World, model: Start) -> None:
    """A text is answered without loading pydantic."""
    import os

    model(text("yes"))
    done = python(
        f"""
import sys
from toolfront import Application
print(Application({world.app_url!r}, "token={world.token}").ask("?", "openai:gpt-4o"))
assert "pydantic" not in sys.modules
""",
        {name: os.environ[name] for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY")},
    )
    assert (done.returncode, done.stdout) == (0, "yes\n"), done.stderr
