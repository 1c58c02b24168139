#!/usr/bin/env python3
"""Python's `mcp` 1.30, the last of the handshake generation: `python_v1.py EDGE`."""

import asyncio
import sys

import anyio
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import PromptReference, ResourceUpdatedNotification
from pydantic import AnyUrl
from says import CALLS, CHAIN, CLIENT_MAX_S, HEALTH, PUSHED_MAX_S, UNKNOWN, check, completed, finish, simulated, stir, told

NAME = "mcp 1.30"


async def tools(session):
    listed = {tool.name for tool in (await session.list_tools()).tools}
    check(f"{NAME}: lists the tools", set(CALLS) <= listed, listed)
    for name, arguments in CALLS.items():
        # The client itself checks structuredContent against the listed outputSchema.
        result = await session.call_tool(name, arguments)
        good = not result.isError and result.structuredContent and simulated(result.content[0].text)
        check(f"{NAME}: {name}", good, result)
    result = await session.call_tool(*UNKNOWN)
    check(f"{NAME}: a failed call is an error without content of its own", result.isError and result.structuredContent is None, result)
    steps = []

    async def progress(done, total, message):
        steps.append((done, total))

    result = await session.call_tool("get_option_chain_greeks", CHAIN, progress_callback=progress)
    check(f"{NAME}: a chain tells its progress", not result.isError and len(steps) > 1, (steps, result.isError))


async def resources(session):
    uris = {str(resource.uri) for resource in (await session.list_resources()).resources}
    check(f"{NAME}: lists resources", HEALTH in uris, uris)
    templates = {template.uriTemplate for template in (await session.list_resource_templates()).resourceTemplates}
    check(f"{NAME}: lists templates", "ibkr://positions/{account}" in templates, templates)
    content = (await session.read_resource(AnyUrl(HEALTH))).contents[0]
    check(f"{NAME}: reads one", '"status"' in content.text and content.mimeType == "application/json", content)


async def prompts(session):
    listed = (await session.list_prompts()).prompts
    check(f"{NAME}: lists prompts", len(listed) >= 4, listed)
    named = next(prompt for prompt in listed if any(argument.name == "symbol" for argument in prompt.arguments or []))
    prompt, typed = PromptReference(type="ref/prompt", name=named.name), {"name": "symbol", "value": "AAP"}
    found = await completed(lambda: session.complete(prompt, typed), "AAPL")
    check(f"{NAME}: completes a symbol", "AAPL" in found.completion.values, found)
    needed = {argument.name: "AAPL" for argument in named.arguments if argument.required or argument.name == "symbol"}
    answer = await session.get_prompt(named.name, needed)
    check(f"{NAME}: gets a prompt", "AAPL" in answer.messages[0].content.text, answer)


async def main(edge):
    heard = anyio.Event()

    async def message(said):
        root = getattr(said, "root", None)
        if isinstance(root, ResourceUpdatedNotification) and str(root.params.uri) == HEALTH:
            heard.set()

    async with (
        streamablehttp_client(f"{edge}/mcp") as (read, write, session_id),
        ClientSession(read, write, message_handler=message) as session,
    ):
        started = await session.initialize()
        check(f"{NAME}: shakes hands", started.protocolVersion == "2025-11-25" and started.instructions, started)
        check(f"{NAME}: was given a session", session_id(), session_id())
        await tools(session)
        await resources(session)
        await prompts(session)
        await session.subscribe_resource(AnyUrl(HEALTH))
        await asyncio.to_thread(stir, edge)
        with anyio.move_on_after(PUSHED_MAX_S):
            await heard.wait()
        check(f"{NAME}: hears that a resource has changed", heard.is_set())
        await session.unsubscribe_resource(AnyUrl(HEALTH))
        await session.send_ping()
    told(f"{NAME}: ends its session")


async def bounded(edge):
    with anyio.fail_after(4 * CLIENT_MAX_S):
        await main(edge)


asyncio.run(bounded(sys.argv[1]))
finish()
