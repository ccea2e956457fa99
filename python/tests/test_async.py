"""On an event loop: many at once, cancelled, and beside calls that are not async."""

from __future__ import annotations

import asyncio
import time

import pytest
from conftest import World, sleepers

from toolfront import Application, AuthenticationError, CommandNotAllowed


def test_the_twins_yield_the_same(app: Application) -> None:
    async def work() -> None:
        ran = await app.run_async("", ["echo", "hello"])
        assert (ran.stdout, ran.returncode) == ("hello\n", 0)
        assert await app.read_async() == app.read()
        assert await app.read_bytes_async("data/raw.bin") == app.read_bytes("data/raw.bin")
        assert await app.pages_async() == app.pages()

    asyncio.run(work())


def test_a_call_that_is_not_async_works_within_a_running_loop(app: Application) -> None:
    async def cell() -> str:
        return app.run("", ["echo", "from a notebook"]).stdout

    assert asyncio.run(cell()) == "from a notebook\n"


def test_the_loop_goes_on_while_calls_wait(app: Application) -> None:
    async def work() -> int:
        waiting = asyncio.create_task(app.run_async("", ["sleep", "0.5"]))
        steps = 0
        while not waiting.done():
            steps += 1
            await asyncio.sleep(0)
        assert (await waiting).returncode == 0
        return steps

    assert asyncio.run(work()) > 100


def test_a_thousand_reads_and_runs_at_once_on_one_loop(app: Application) -> None:
    async def work() -> list[str]:
        runs = (app.run_async("", ["echo", str(number)]) for number in range(1000))
        return [ran.stdout for ran in await asyncio.gather(*runs)]

    assert asyncio.run(work()) == [f"{number}\n" for number in range(1000)]


def test_cancelling_ends_the_command(app: Application) -> None:
    async def work() -> None:
        task = asyncio.create_task(app.run_async("", ["sleep", "602"]))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(app.run_async("", ["sleep", "602"]), 0.5)

    asyncio.run(work())
    assert sleepers("602") == []


def test_a_loop_that_ends_leaves_nothing_behind(app: Application) -> None:
    async def work() -> None:
        asyncio.ensure_future(app.run_async("", ["sleep", "603"]))
        await asyncio.sleep(0.3)

    asyncio.run(work())
    assert sleepers("603") == []
    time.sleep(0.1)
    assert app.run("", ["echo", "x"]).returncode == 0


def test_refusals_are_the_same_exceptions(app: Application, world: World) -> None:
    async def work() -> None:
        with pytest.raises(CommandNotAllowed) as caught:
            await app.run_async("", ["rm"])
        assert "ls" in caught.value.tools
        with pytest.raises(AuthenticationError):
            await Application(world.app_url).read_async()

    asyncio.run(work())


def test_one_application_serves_one_loop_after_the_other(app: Application) -> None:
    for number in range(3):
        assert asyncio.run(app.run_async("", ["echo", str(number)])).stdout == f"{number}\n"
