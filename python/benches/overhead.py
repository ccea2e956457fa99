"""What the package costs over the bare exchange: `app.run` beside httpx and a bare socket, against one local server that
answers at once; and what importing it costs. Prints microseconds: the median, and the fastest and slowest tenth.

    TOOLFRONT_BINARIES=… python benches/overhead.py            (scripts/bench-python builds and runs it)

All are measured in the same run, taking turns, so that what else the machine does meets them alike.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import httpx

import toolfront

REPLY = json.dumps(
    {
        "stdout": "hello\n",
        "stderr": "",
        "returncode": 0,
        "duration_ms": 1,
        "truncated": False,
        "timed_out": False,
        "request_id": "req-0",
        "ignored_env": [],
        "encoding": None,
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(REPLY), REPLY)
BODY = json.dumps({"command": ["echo", "hello"], "env": {}}).encode()
ROUNDS, CALLS, AT_ONCE = 40, 50, 1000


class Answering(asyncio.Protocol):
    """Answers every request with the same reply, as soon as its body is there."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = int(lengths[0].split(b":")[1]) if lengths else 0
            if len(rest) < length:
                return
            self._received = rest[length:]
            self._transport.write(ANSWER)


def serve(ready: Connection) -> None:
    """Serves until it is killed; tells its port."""

    async def work() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=2048)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(work())


def bare(port: int) -> Callable[[], object]:
    """The same bytes over a socket that is open: the limit."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = b"POST /README.md HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    request = head % len(BODY) + BODY

    def exchange() -> object:
        connection.sendall(request)
        received = connection.recv(65536)
        while len(received) < len(ANSWER):
            received += connection.recv(65536)
        return received

    return exchange


def measured(ways: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Microseconds of each call, the ways taking turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(ROUNDS + 2):
        for name, call in ways.items():
            for _ in range(CALLS):
                begun = time.perf_counter()
                call()
                if round_ >= 2:
                    times[name].append((time.perf_counter() - begun) * 1e6)
    return times


async def at_once(port: int) -> dict[str, float]:
    """Seconds for many calls at once on one loop."""
    base = f"http://127.0.0.1:{port}"
    app = toolfront.Application(base, "token=abc")
    seconds: dict[str, float] = {}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:

        async def with_httpx() -> object:
            answer = await client.post(f"{base}/README.md", content=BODY, headers=HEADERS)
            return answer.json()

        async def with_toolfront() -> object:
            return await app.run_async("README.md", ["echo", "hello"])

        ways = {"httpx": with_httpx, "toolfront": with_toolfront}
        for _ in range(3):
            for name, call in ways.items():
                begun = time.perf_counter()
                await asyncio.gather(*(call() for _ in range(AT_ONCE)))
                seconds[name] = min(seconds.get(name, 1e9), time.perf_counter() - begun)
    return seconds


HEADERS = {"content-type": "application/json", "authorization": "Bearer abc"}


def importing() -> dict[str, float]:
    """Milliseconds of an interpreter that imports something, less those of one that imports nothing."""

    def started(code: str) -> float:
        times: list[float] = []
        for _ in range(15):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append((time.perf_counter() - begun) * 1e3)
        return statistics.median(times)

    nothing = started("pass")
    codes = {"toolfront": "import toolfront", "asyncio": "import asyncio", "httpx": "import httpx", "pydantic": "import pydantic"}
    return {name: started(code) - nothing for name, code in codes.items()}


def main() -> None:
    near, far = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(far,), daemon=True)
    server.start()
    port = near.recv()
    app = toolfront.Application(f"http://127.0.0.1:{port}", "token=abc")
    client = httpx.Client(trust_env=False)
    ways: dict[str, Callable[[], object]] = {
        "bare socket": bare(port),
        "httpx": lambda: client.post(f"http://127.0.0.1:{port}/README.md", content=BODY, headers=HEADERS).json(),
        "toolfront": lambda: app.run("README.md", ["echo", "hello"]),
    }
    times = measured(ways)
    limit = statistics.median(times["bare socket"])
    print(f"one call, µs ({ROUNDS * CALLS} each)")
    for name, taken in times.items():
        tenths = statistics.quantiles(taken, n=10)
        median = statistics.median(taken)
        print(f"  {name:12} {median:7.0f}   ({tenths[0]:.0f} to {tenths[-1]:.0f}), over the bare exchange {median - limit:7.0f}")
    print(f"{AT_ONCE} calls at once on one loop, ms")
    for name, seconds in asyncio.run(at_once(port)).items():
        print(f"  {name:12} {seconds * 1e3:7.0f}")
    print("importing, ms more than an interpreter that imports nothing")
    for name, milliseconds in importing().items():
        print(f"  {name:12} {milliseconds:7.1f}")
    client.close()
    server.terminate()


if __name__ == "__main__":
    main()
