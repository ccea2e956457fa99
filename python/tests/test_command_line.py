"""The command line of the wheel: the same program as the binary, in an interpreter."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BINARY, Server, World, environment, weak, write_application

import toolfront

SCRIPT = str(Path(sys.executable).parent / "toolfront")


def run(*words: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *words], env=environment(home, **env), capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize(
    "words",
    [["--version"], ["--help"], ["tokens", "--help"], ["nonsense"], ["check", "/nothing"], ["completions", "bash"]],
    ids=" ".join,
)
def test_it_prints_and_ends_as_the_binary_does(words: list[str], tmp_path: Path) -> None:
    ours = run(*words, home=tmp_path)
    binary = subprocess.run([BINARY, *words], env=environment(tmp_path), capture_output=True, text=True)
    assert (ours.returncode, ours.stdout, ours.stderr) == (binary.returncode, binary.stdout, binary.stderr)


def test_exit_codes_are_kept(world: World, tmp_path: Path) -> None:
    key = {"TOOLFRONT_GATEWAY_URL": world.url, "TOOLFRONT_API_KEY": world.token}
    assert run("whoami", home=tmp_path, **key).returncode == 0
    assert run("tokens", "create", "x", home=tmp_path, **key).returncode == 3
    assert run("releases", "nothing", home=tmp_path, **key).returncode == 4
    key["TOOLFRONT_GATEWAY_URL"] = "http://127.0.0.1:1"
    assert run("whoami", home=tmp_path, **key).returncode == 69


def test_python_m_is_the_same(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "toolfront", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "toolfront")


def test_ctrl_c_ends_it_without_a_traceback(tmp_path: Path) -> None:
    directory = write_application(tmp_path / "app")
    process = subprocess.Popen(
        [SCRIPT, "serve", str(directory), "--port", "0", *weak()],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None and "Serving" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    err, _ = process.communicate(timeout=30)
    assert "Traceback" not in err and "KeyboardInterrupt" not in err
    assert process.returncode == 0, err


def test_ctrl_c_ends_a_question_with_130(world: World, tmp_path: Path) -> None:
    silent = __import__("socket").socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen()
    base = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
    env = environment(tmp_path, OPENAI_BASE_URL=base, OPENAI_API_KEY="x", TOOLFRONT_TOKEN=world.token)
    process = subprocess.Popen(
        [SCRIPT, "ask", world.app_url, "?", "--model", "openai:x"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    silent.settimeout(60)
    connection, _ = silent.accept()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    connection.close()
    silent.close()
    assert process.returncode == 130 and "Traceback" not in err, err


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_server_of_the_wheel_runs_tools(command: str, tmp_path: Path, open_directory: Path) -> None:
    directory = write_application(open_directory / "app")
    words = {
        "serve": ["serve", str(directory), "--port", "0"],
        "up": ["up", str(directory), "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data")],
    }[command]
    ready = r"(http://\S+) \(Ctrl-C" if command == "serve" else r"curl .*(http://\S+)"
    server = Server([SCRIPT, *words, *weak()], environment(tmp_path), ready)
    try:
        param = f"token={server.wait_for('TOKEN=(tf_[0-9A-Za-z]+)')}" if command == "up" else None
        app = toolfront.Application(server.url, param)
        ran = app.run("", ["echo", "from the wheel"])
        assert (ran.stdout, ran.returncode) == ("from the wheel\n", 0)
        with pytest.raises(toolfront.CommandNotAllowed):
            app.run("", ["rm"])
        if os.path.exists("/proc"):
            launcher = _launcher(server.process.pid)
            assert len(os.listdir(f"/proc/{launcher}/task")) == 1
    finally:
        server.stop()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """One that the users of commands can reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def _launcher(parent: int) -> int:
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True).stdout.splitlines()
    children = [line.split(None, 2) for line in listed[1:]]
    (launcher,) = (int(pid) for pid, ppid, args in children if int(ppid) == parent and "launcher_main" in args)
    return launcher


def test_the_doctor_says_the_same_as_that_of_the_binary(tmp_path: Path) -> None:
    ours = run("doctor", "--json", home=tmp_path)
    binary = subprocess.run([BINARY, "doctor", "--json"], env=environment(tmp_path), capture_output=True, text=True)
    told = [re.sub(r"doctor-\d+", "doctor-N", one.stdout) for one in (ours, binary)]
    assert (ours.returncode, told[0]) == (binary.returncode, told[1]), ours.stderr


def test_the_official_client_drives_the_mcp_server_of_the_wheel(world: World) -> None:
    """As `uvx --from WHEEL toolfront mcp URL`, which is how clients are told to start it."""
    import asyncio

    from mcp import Client, StdioServerParameters

    wheel = os.environ["TOOLFRONT_WHEEL"]
    uvx = str(Path(sys.executable).parent / "uvx")
    parameters = StdioServerParameters(
        command=uvx,
        args=["--quiet", "--from", wheel, "toolfront", "mcp", world.app_url],
        env={**os.environ, "TOOLFRONT_TOKEN": world.token},
    )

    async def drive() -> None:
        async with Client(parameters) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            assert tools == ["list_pages", "read_page", "run_command"]
            ran = await client.call_tool("run_command", {"page": "", "command": ["echo", "hello"]})
            assert not ran.is_error and ran.structured_content is not None
            assert ran.structured_content["stdout"] == "hello\n"
            refused = await client.call_tool("run_command", {"page": "", "command": ["rm", "x"]})
            assert refused.is_error

    asyncio.run(drive())


def test_starting_the_command_line_loads_neither_pydantic_nor_asyncio() -> None:
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from toolfront._cli import main"], capture_output=True, text=True
    ).stderr
    assert "toolfront._cli" in loaded
    assert not {"pydantic", "asyncio"} & {line.rpartition("|")[2].strip() for line in loaded.splitlines()}
