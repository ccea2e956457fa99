"""The official Python client, with a server that is given as a URL and a token, or as a command to start.

    client.py MODE REVISION URL TOKEN
    client.py MODE REVISION -- COMMAND...
"""

import asyncio
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def use(client: Client, revision: str) -> None:
    assert client.protocol_version == revision, client.protocol_version
    tools = [tool.name for tool in (await client.list_tools()).tools]
    assert tools == ["list_pages", "read_page", "run_command"], tools
    listed = await client.call_tool("list_pages", {})
    assert [page["path"] for page in listed.structured_content["pages"]] == ["README.md", "guide.md"], listed
    page = await client.call_tool("read_page", {"path": "guide.md"})
    assert page.content[0].text == "# The guide\n" and not page.is_error, page
    refused = await client.call_tool("run_command", {"page": "", "command": ["rm", "x"]})
    assert refused.is_error and "cat {regex:" in refused.content[0].text, refused
    progress = []

    async def told(done: float, total: float | None, message: str | None) -> None:
        progress.append((done, message))

    command = {"page": "", "command": ["cat", "guide.md"]}
    ran = await client.call_tool("run_command", command, progress_callback=told)
    assert ran.structured_content["stdout"] == "# The guide\n" and not ran.is_error, ran
    assert progress and progress[0] == (0, "begun"), progress
    resources = [str(resource.uri) for resource in (await client.list_resources()).resources]
    assert resources == ["page:///README.md", "page:///guide.md"], resources
    read = await client.read_resource("page:///guide.md")
    assert read.contents[0].text == "# The guide\n", read


async def main(mode: str, revision: str, *server: str) -> None:
    if server[0] == "--":
        parameters = StdioServerParameters(command=server[1], args=list(server[2:]))
        async with Client(parameters, mode=mode) as client:
            await use(client, revision)
        return
    url, token = server
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            await use(client, revision)


asyncio.run(main(*sys.argv[1:]))
