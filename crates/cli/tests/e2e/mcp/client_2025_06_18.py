"""The official Python client as it was when 2025-06-18 was its newest revision.

    client_2025_06_18.py URL TOKEN
    client_2025_06_18.py -- COMMAND...
"""

import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def use(session: ClientSession) -> None:
    begun = await session.initialize()
    assert begun.protocolVersion == "2025-06-18", begun
    assert "# The first page" in begun.instructions, begun
    tools = [tool.name for tool in (await session.list_tools()).tools]
    assert tools == ["list_pages", "read_page", "run_command"], tools
    page = await session.call_tool("read_page", {"path": "guide.md"})
    assert page.content[0].text == "# The guide\n" and not page.isError, page
    refused = await session.call_tool("run_command", {"page": "", "command": ["rm", "x"]})
    assert refused.isError and "cat {regex:" in refused.content[0].text, refused
    progress = []

    async def told(done: float, total: float | None, message: str | None) -> None:
        progress.append((done, message))

    command = {"page": "", "command": ["cat", "guide.md"]}
    ran = await session.call_tool("run_command", command, progress_callback=told)
    assert ran.structuredContent["stdout"] == "# The guide\n" and not ran.isError, ran
    assert progress and progress[0] == (0, "begun"), progress
    read = await session.read_resource("page:///guide.md")
    assert read.contents[0].text == "# The guide\n", read


async def main(*server: str) -> None:
    if server[0] == "--":
        parameters = StdioServerParameters(command=server[1], args=list(server[2:]))
        async with stdio_client(parameters) as (receive, send), ClientSession(receive, send) as session:
            await use(session)
        return
    url, token = server
    headers = {"Authorization": f"Bearer {token}"}
    async with streamablehttp_client(url, headers=headers) as (receive, send, _):
        async with ClientSession(receive, send) as session:
            await use(session)


asyncio.run(main(*sys.argv[1:]))
