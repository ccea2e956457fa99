"""A real gateway, with an application and tokens, and a stand-in for the providers of models.

`scripts/test-python` runs these tests, with the package installed as its users install it. `TOOLFRONT_BINARIES` is the
directory of the binaries that are the other side.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import toolfront

BINARIES = Path(os.environ["TOOLFRONT_BINARIES"])
BINARY = str(BINARIES / "toolfront")
KEY = "sk-double-0123456789"

README = """---
tools:
  - [ls]
  - [echo, { }]
  - [cat, { }]
  - [sleep, { }]
  - [basename, $GREETING, ;]
  - [sh, fail.sh]
---

# The shop

Greets with $GREETING. See [the guide](guide.md).
"""

PAGES: dict[str, str | bytes] = {
    "README.md": README,
    "guide.md": "---\ntitle: The guide\ndescription: how to\n---\n\n# The guide\n\nNo tools here.\n",
    "fail.sh": "echo out; echo err >&2; exit 3\n",
    "data/raw.bin": b"\x00\xff\xfe",
}


def write_application(directory: Path) -> Path:
    for name, content in PAGES.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory


class Server:
    """A server under way: what it prints is read on, so that it never waits for a reader."""

    def __init__(self, words: list[str], env: dict[str, str], ready: str = r"(http://\S+)") -> None:
        self.process = subprocess.Popen(
            words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL
        )
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._is_ended = False
        threading.Thread(target=self._drain, daemon=True).start()
        self.url = self.wait_for(ready)

    def _drain(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()
        self.process.stdout.close()
        with self._said:
            self._is_ended = True
            self._said.notify_all()

    def wait_for(self, pattern: str) -> str:
        """The first group of the first match in what it prints."""
        with self._said:
            while (match := re.search(pattern, "".join(self.lines))) is None:
                assert not self._is_ended, "".join(self.lines)
                assert self._said.wait(60), "".join(self.lines)
        return match[1]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", **more}


@dataclass
class World:
    """A gateway, its admin token, and a deployed application with a token."""

    home: Path
    url: str
    admin: str
    app_url: str
    token: str

    @property
    def gateway(self) -> toolfront.Gateway:
        return toolfront.Gateway(self.url, self.admin)

    @property
    def app(self) -> toolfront.Application:
        return toolfront.Application(self.app_url, f"token={self.token}")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    data = str(home / "data")
    env = environment(home)
    init = subprocess.run([BINARY, "gateway", "init", "--data-dir", data], env=env, capture_output=True, text=True)
    assert init.returncode == 0, init.stderr
    admin = init.stdout.strip()
    words = [BINARY, "gateway", "--data-dir", data, "--listen", "127.0.0.1:0", *weak()]
    server = Server(words, env, r"for (http://\S+)\.\n")
    try:
        gateway = toolfront.Gateway(server.url, admin)
        deployed = gateway.environments.deploy(write_application(home / "shop"))
        token = gateway.tokens.create("runner", environments=["shop"]).value.reveal()
        yield World(home, server.url, admin, deployed.environment.url, token)
    finally:
        server.stop()


def weak() -> list[str]:
    """Where the machine can't confine commands as promised, the tests are not about that."""
    doctor = subprocess.run([BINARY, "doctor"], capture_output=True, text=True, env=environment(Path("/tmp")))
    return [] if doctor.returncode == 0 else ["--allow-weak-sandbox"]


@pytest.fixture
def app(world: World) -> toolfront.Application:
    return world.app


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Double]]:
    """Starts a stand-in for OpenAI that says these turns; yields its record of what it was asked."""
    started: list[Server] = []

    def start(*turns: dict[str, Any], repeat_last: bool = False) -> Double:
        script = tmp_path / f"script-{len(started)}.json"
        script.write_text(json.dumps({"turns": turns, "repeat_last": repeat_last}))
        server = Server([str(BINARIES / "toolfront-model-double"), "--script", str(script)], environment(tmp_path))
        started.append(server)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        return Double(server.url)

    yield start
    for server in started:
        server.stop()


@dataclass
class Double:
    url: str

    @property
    def requests(self) -> list[dict[str, Any]]:
        import httpx

        answer = httpx.get(f"{self.url}/double/requests", trust_env=False).json()
        assert not answer["faults"], answer["faults"]
        requests: list[dict[str, Any]] = answer["requests"]
        return requests


def text(said: str) -> dict[str, Any]:
    return {"text": said}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"calls": [{"name": name, "arguments": arguments}]}


def final(answer: Any) -> dict[str, Any]:
    return call("final_answer", answer=answer)


def run_command(*command: str) -> dict[str, Any]:
    return call("run_command", page="README.md", command=list(command))


def sleepers(argument: str) -> list[str]:
    """The commands `sleep ARGUMENT` that still run, after a moment in which they may end."""
    found: list[str] = []
    for _ in range(100):
        listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
        found = [line for line in listed if line.strip() == f"sleep {argument}"]
        if not found:
            break
        time.sleep(0.1)
    return found


def python(code: str, env: dict[str, str] | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Runs code in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=timeout
    )


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TOOLFRONT_") and name not in ("TOOLFRONT_BINARIES", "TOOLFRONT_WHEEL"):
            monkeypatch.delenv(name)
