#!/usr/bin/env python3
"""Python's `mcp` 2.3 in its three modes, then `fastmcp` 4.1: `python_v2.py EDGE`."""

import asyncio
import sys

import anyio
import fastmcp
from fastmcp.exceptions import ToolError
from mcp import Client
from mcp.types import PromptReference
from says import CALLS, CLIENT_MAX_S, HEALTH, PUSHED_MAX_S, UNKNOWN, check, completed, finish, simulated, stir

# What each mode ends up speaking.
MODES = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}


async def reads(name, client):
    listed = {tool.name for tool in (await client.list_tools()).tools}
    check(f"{name}: lists the tools", set(CALLS) <= listed, listed)
    for tool, arguments in CALLS.items():
        result = await client.call_tool(tool, arguments)
        good = not result.is_error and result.structured_content and simulated(result.content[0].text)
        check(f"{name}: {tool}", good, result)
    result = await client.call_tool(*UNKNOWN)
    check(f"{name}: a failed call is an error without content of its own", result.is_error and not result.structured_content, result)
    uris = {str(resource.uri) for resource in (await client.list_resources()).resources}
    check(f"{name}: lists resources", HEALTH in uris, uris)
    content = (await client.read_resource(HEALTH)).contents[0]
    check(f"{name}: reads one", '"status"' in content.text, content)
    prompts = (await client.list_prompts()).prompts
    named = next((prompt for prompt in prompts if any(a.name == "symbol" for a in prompt.arguments or [])), None)
    check(f"{name}: lists prompts", named, prompts)
    prompt, typed = PromptReference(name=named.name), {"name": "symbol", "value": "AAP"}
    found = await completed(lambda: client.complete(prompt, typed), "AAPL")
    check(f"{name}: completes a symbol", "AAPL" in found.completion.values, found)


async def listens(name, client, edge):
    with anyio.move_on_after(PUSHED_MAX_S):
        async with client.listen(resource_subscriptions=[HEALTH]) as heard:
            check(f"{name}: its subscription is acknowledged", HEALTH in (heard.honored.resource_subscriptions or []), heard.honored)
            await asyncio.to_thread(stir, edge)
            async for event in heard:
                check(f"{name}: hears that a resource has changed", HEALTH in str(event), event)
                return
    check(f"{name}: hears that a resource has changed", False, "nothing in time")


async def with_fastmcp(edge):
    async with fastmcp.Client(f"{edge}/mcp") as client:
        for tool, arguments in CALLS.items():
            result = await client.call_tool(tool, arguments)
            check(f"fastmcp 4.1: {tool}", result.structured_content and simulated(result.content[0].text), result)
        try:
            result = await client.call_tool(*UNKNOWN)
            check("fastmcp 4.1: a failed call raises ToolError", False, result)
        except ToolError as error:
            check("fastmcp 4.1: a failed call raises ToolError", "NOSUCHSYMBOL" in str(error), error)
        content = (await client.read_resource(HEALTH))[0]
        check("fastmcp 4.1: reads a resource", '"status"' in content.text, content)


async def main(edge):
    for mode, spoken in MODES.items():
        name = f"mcp 2.3 {mode}"
        with anyio.fail_after(3 * CLIENT_MAX_S):
            async with Client(f"{edge}/mcp", mode=mode) as client:
                check(f"{name}: speaks {spoken}", client.protocol_version == spoken, client.protocol_version)
                # Who names the version asks for nothing before its first call.
                check(f"{name}: gets instructions", client.instructions or mode == spoken)
                await reads(name, client)
                if spoken == "2026-07-28":
                    await listens(name, client, edge)
    with anyio.fail_after(CLIENT_MAX_S):
        await with_fastmcp(edge)


asyncio.run(main(sys.argv[1]))
finish()
