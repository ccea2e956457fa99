"""Reading pages and running tools: every way to say who calls, and every way that it can fail."""

from __future__ import annotations

import os
import pickle
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import PAGES, World, python, sleepers

from toolfront import (
    Application,
    AuthenticationError,
    CommandNotAllowed,
    ConfigurationError,
    NotFound,
    PermissionDenied,
    SecretValue,
    TimedOut,
    ToolfrontError,
    Unreachable,
)


def private_file(directory: Path, text: str, mode: int = 0o600) -> Path:
    file = directory / "token"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_tool_is_run(app: Application) -> None:
    ran = app.run("README.md", ["echo", "hello"])
    assert (ran.stdout, ran.stderr, ran.returncode, ran.timed_out, ran.truncated) == ("hello\n", "", 0, False, False)
    assert ran.request_id and ran.duration >= 0


def test_a_command_that_fails_is_a_result(app: Application) -> None:
    ran = app.run("README.md", ["sh", "fail.sh"])
    assert (ran.stdout, ran.stderr, ran.returncode) == ("out\n", "err\n", 3)


def test_pages_are_read_and_listed(app: Application) -> None:
    assert app.read() == PAGES["README.md"]
    assert app.read("guide.md") == PAGES["guide.md"]
    assert app.read_bytes("data/raw.bin") == PAGES["data/raw.bin"]
    pages = {page.path: page for page in app.pages()}
    assert set(pages) == {"README.md", "guide.md"}
    assert pages["README.md"].tools == 6
    assert (pages["guide.md"].title, pages["guide.md"].description, pages["guide.md"].tools) == ("The guide", "how to", 0)


def test_a_file_that_is_no_text_is_told(app: Application) -> None:
    with pytest.raises(ConfigurationError, match="read_bytes"):
        app.read("data/raw.bin")


@pytest.mark.parametrize(
    "form",
    ["text", "list", "tuple", "mapping", "secret", "header", "at_file", "token_file", "variable"],
)
def test_every_form_of_the_token_is_taken(
    form: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.token
    file = private_file(tmp_path, f"# mine\n{token}\n")
    forms: dict[str, dict[str, Any]] = {
        "text": {"param": f"token={token}"},
        "list": {"param": [f"token={token}", "X-Tenant=acme"]},
        "tuple": {"param": (f"token={token}",)},
        "mapping": {"param": {"token": token, "X-Tenant": "acme"}},
        "secret": {"param": {"token": SecretValue(token)}},
        "header": {"param": {"Authorization": f"Bearer {token}"}},
        "at_file": {"param": f"token=@{file}"},
        "token_file": {"token_file": file},
        "variable": {},
    }
    if form == "variable":
        monkeypatch.setenv("TOOLFRONT_TOKEN", token)
    app = Application(world.app_url, **forms[form])
    assert app.run("README.md", ["echo", form]).stdout == f"{form}\n"
    assert token not in repr(app) and token not in repr(vars(app))


def test_what_is_given_comes_before_the_variable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLFRONT_TOKEN", world.admin[:-1])
    assert Application(world.app_url, f"token={world.token}").run("", ["echo", "x"]).returncode == 0


def test_the_first_page_may_be_in_the_url(world: World) -> None:
    app = Application(f"{world.app_url}/README.md", param=f"token={world.token}")
    assert app.url == world.app_url


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"url": "ftp://x"}, "https://"),
        ({"url": "http://user:secretword@h"}, "must not have a user"),
        ({"param": "secretword"}, "NAME=VALUE"),
        ({"param": "token="}, "empty"),
        ({"param": ["token=a", "token=b"]}, "twice"),
        ({"param": "token=tf_secretword"}, "not a token"),
        ({"param": "a b=secretword"}, "name of a header"),
        ({"param": {"X-A": "secret\nword"}}, "can't have"),
        ({"param": {"token": 7}}, "has to be a str"),
        ({"ca_file": "/no/such/file"}, "can't be read"),
        ({"param": "token=@/no/such/file"}, "can't be read"),
    ],
)
def test_what_can_not_be_used_is_told_without_its_value(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        Application(**{"url": "http://127.0.0.1:1", **arguments})
    assert "secretword" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_token_file_that_others_can_read_is_refused(world: World, tmp_path: Path) -> None:
    file = private_file(tmp_path, world.token, 0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Application(world.app_url, token_file=file)


def test_a_token_over_plain_http_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="not https"):
        Application("http://example.com", "token=abc")


def test_a_wrong_token_is_refused(world: World) -> None:
    issued = world.gateway.tokens.create("gone", environments=["shop"])
    world.gateway.tokens.revoke(issued.record.id)
    stale = Application(world.app_url, {"token": issued.value})
    for call in (lambda: stale.run("", ["ls"]), lambda: stale.read(), lambda: stale.pages()):
        with pytest.raises(AuthenticationError) as caught:
            call()
        assert caught.value.status == 401 and caught.value.code == "invalid-token"
    with pytest.raises(AuthenticationError):
        Application(world.app_url).read()


def test_a_token_revoked_midway_ends_what_runs(world: World) -> None:
    """The command goes on, as it was not told to end; the next call is refused."""
    issued = world.gateway.tokens.create("midway", environments=["shop"])
    app = Application(world.app_url, {"token": issued.value})
    assert app.run("", ["echo", "1"]).returncode == 0
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(_caught(lambda: app.run("", ["sleep", "60"]))))
    thread.start()
    while not world.gateway.tokens.get(issued.record.id).usage_count >= 2:
        time.sleep(0.02)
    time.sleep(0.2)
    world.gateway.tokens.revoke(issued.record.id, kill=True)
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(outcome[0], AuthenticationError) or outcome[0].returncode != 0, outcome
    with pytest.raises(AuthenticationError):
        app.run("", ["echo", "2"])


def _caught(call: Any) -> Any:
    try:
        return call()
    except ToolfrontError as error:
        return error


def test_a_token_that_may_only_read_runs_nothing(world: World) -> None:
    issued = world.gateway.tokens.create("reader", scope="read", environments=["shop"])
    app = Application(world.app_url, {"token": issued.value})
    assert app.read().startswith("---")
    with pytest.raises(PermissionDenied) as caught:
        app.run("", ["ls"])
    assert not isinstance(caught.value, CommandNotAllowed)
    assert (caught.value.status, caught.value.code) == (403, "insufficient-scope")
    assert caught.value.request_id


def test_a_command_that_no_tool_allows_is_refused_with_the_tools(app: Application) -> None:
    with pytest.raises(CommandNotAllowed) as caught:
        app.run("README.md", ["rm", "-rf", "/"])
    assert caught.value.status == 403 and "ls" in caught.value.tools, caught.value.tools
    assert caught.value.request_id
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.tools) == (CommandNotAllowed, str(caught.value), caught.value.tools)


def test_what_is_not_there_is_not_found(app: Application, world: World) -> None:
    with pytest.raises(NotFound) as caught:
        app.read("READMY.md")
    assert caught.value.status == 404
    with pytest.raises(NotFound):
        Application(f"{world.url}/e/nothing", f"token={world.token}").read()


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="can't be reached"):
        Application("http://127.0.0.1:1", "token=abc").run("", ["ls"])


def test_a_text_is_no_command(app: Application) -> None:
    with pytest.raises(TypeError, match="list of words"):
        app.run("", "ls -la")


def test_values_for_variables_go_along(world: World) -> None:
    app = Application(world.app_url, f"token={world.token}", {"GREETING": "hi", "OTHER": "x"})
    ran = app.run("", ["basename", "$GREETING"])
    assert (ran.stdout, ran.ignored_env) == ("hi\n", ("OTHER",))
    assert app.run("", ["basename", "$GREETING"], env={"GREETING": "you"}).stdout == "you\n"
    assert "hi" not in repr(app)


@pytest.mark.parametrize("limit", [0.2, timedelta(milliseconds=200)])
def test_a_time_limit_ends_a_call(limit: float | timedelta, app: Application, world: World) -> None:
    with pytest.raises(TimedOut):
        app.run("", ["sleep", "60"], timeout=limit)
    with pytest.raises(TimedOut):
        Application(world.app_url, f"token={world.token}", timeout=limit).run("", ["sleep", "60"])
    with pytest.raises(ValueError, match="above 0"):
        app.run("", ["ls"], timeout=0)


def test_many_threads_share_one_application(app: Application) -> None:
    with ThreadPoolExecutor(32) as pool:
        ran = list(pool.map(lambda number: app.run("", ["echo", str(number)]).stdout, range(200)))
    assert ran == [f"{number}\n" for number in range(200)]


def test_other_threads_go_on_while_a_call_waits(app: Application) -> None:
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(TimedOut):
            app.run("", ["sleep", "60"], timeout=1)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    steps = 0
    while not ended.is_set():
        steps += 1
    thread.join()
    assert steps > 1000


def test_a_child_of_a_fork_calls_too(world: World) -> None:
    done = python(
        f"""
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from toolfront import Application, _core
app = Application({world.app_url!r}, "token={world.token}")
assert app.run("", ["echo", "parent"]).stdout == "parent\\n"
def echo(n):
    return int(app.run("", ["echo", str(n)]).stdout)
child = os.fork()
if child == 0:
    assert _core.thread_count() == 0
    os._exit(0 if app.run("", ["echo", "child"]).stdout == "child\\n" else 1)
assert os.waitpid(child, 0)[1] == 0
assert app.run("", ["echo", "parent"]).stdout == "parent\\n"

import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(echo, range(4)))
"""
    )
    assert (done.returncode, done.stdout) == (0, "[0, 1, 2, 3]\n"), done.stderr


@pytest.mark.parametrize("call", ['app.run("", ["sleep", "600"])', 'app.ask("?", model=Slow())'])
def test_ctrl_c_ends_a_call_and_the_command(call: str, world: World, tmp_path: Path) -> None:
    import signal
    import sys

    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import signal
import time
from toolfront import Application
# Whoever runs the tests in the background has interrupts ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
class Slow:
    def complete(self, messages, tools):
        time.sleep(600)
app = Application({world.app_url!r}, "token={world.token}")
app.read()
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    assert app.run("", ["echo", "still usable"]).returncode == 0
""",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "interrupted\n"), err
    assert sleepers("600") == []


def test_importing_starts_no_thread_and_loads_little() -> None:
    done = python(
        """
import sys, threading, os
import toolfront
toolfront.Application("http://127.0.0.1:1")
assert threading.active_count() == 1 and toolfront._core.thread_count() == 0
if os.path.exists("/proc/self/task"):
    assert len(os.listdir("/proc/self/task")) == 1, os.listdir("/proc/self/task")
assert not {"pydantic", "asyncio"} & set(sys.modules)
print(toolfront.__version__)
"""
    )
    assert done.returncode == 0, done.stderr


def test_the_interpreter_ends_although_calls_are_under_way(world: World) -> None:
    done = python(
        f"""
import threading, time
from toolfront import Application
app = Application({world.app_url!r}, "token={world.token}")
for _ in range(4):
    threading.Thread(target=lambda: app.run("", ["sleep", "601"]), daemon=True).start()
time.sleep(1)
print("end")
""",
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert sleepers("601") == []


def test_the_environment_variable_is_read_when_the_application_is_made(world: World) -> None:
    assert "TOOLFRONT_TOKEN" not in os.environ
    with pytest.raises(AuthenticationError):
        Application(world.app_url).read()
