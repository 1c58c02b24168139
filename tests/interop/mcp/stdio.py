#!/usr/bin/env python3
"""Python's `mcp` 2.3 over stdio in its three modes: `stdio.py DOOR PROGRAM ARGUMENT...` runs the program and speaks to it.

DOOR names what is behind the program; IBMESH_STIR names an edge whose workers are to be restarted, where there is one.
"""

import asyncio
import os
import sys

import anyio
from mcp import Client, StdioServerParameters
from says import CLIENT_MAX_S, HEALTH, PUSHED_MAX_S, finish, stir
from says import told as tell

MODES = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}


def told(name, problem=None):
    tell(f"stdio to {sys.argv[1]}: {name}", problem)


def unlike(result):
    """Why an answer is none of a simulated account, or None."""
    if result.is_error:
        return result.content[0].text
    mode = (result.structured_content or {}).get("context", {}).get("mode")
    return None if mode == "simulated" else f"the mode is {mode}"


async def talk(server, mode):
    heard = anyio.Event()

    async def message(said):
        if HEALTH in str(said):
            heard.set()

    async with Client(server, mode=mode, message_handler=message) as client:
        told(f"{mode}: speaks {MODES[mode]}", None if client.protocol_version == MODES[mode] else client.protocol_version)
        tools = [tool.name for tool in (await client.list_tools()).tools]
        told(f"{mode}: lists tools", None if "get_positions" in tools else f"listed {tools}")
        told(f"{mode}: a call", unlike(await client.call_tool("get_account_summary", {})))
        many = await asyncio.gather(*(client.call_tool("ticker_to_conid", {"symbol": "AAPL"}) for _ in range(20)))
        told(f"{mode}: 20 calls at once", next(filter(None, map(unlike, many)), None))
        chain = await client.call_tool("get_option_chain", {"symbol": "AAPL"})
        steps = []

        async def progress(done, total, message):
            steps.append(done)

        # One that no mode before has asked for: what was just read is answered without a step.
        fresh = 4 + list(MODES).index(mode)
        asked = {"symbol": "AAPL", "expiration": chain.structured_content["expirations"][fresh], "limit": 60}
        greeks = await client.call_tool("get_option_chain_greeks", asked, progress_callback=progress)
        told(f"{mode}: a chain with Greeks", unlike(greeks))
        told(f"{mode}: progress is told", None if len(steps) > 1 and steps == sorted(steps) else f"told were {steps}")
        content = (await client.read_resource(HEALTH)).contents[0]
        told(f"{mode}: reads a resource", None if '"status"' in content.text else content.text)
        if edge := os.environ.get("IBMESH_STIR"):
            await pushed(client, mode, edge, heard)


async def pushed(client, mode, edge, heard):
    """A change of a resource arrives, as each generation has it."""
    with anyio.move_on_after(PUSHED_MAX_S):
        if MODES[mode] == "2026-07-28":
            async with client.listen(resource_subscriptions=[HEALTH]) as events:
                await asyncio.to_thread(stir, edge)
                async for event in events:
                    return told(f"{mode}: hears that a resource has changed", None if HEALTH in str(event) else event)
        else:
            await client.subscribe_resource(HEALTH)
            await asyncio.to_thread(stir, edge)
            await heard.wait()
            return told(f"{mode}: hears that a resource has changed")
    told(f"{mode}: hears that a resource has changed", "nothing in time")


async def main(command, arguments):
    for mode in MODES:
        try:
            with anyio.fail_after(2 * CLIENT_MAX_S):
                await talk(StdioServerParameters(command=command, args=arguments, env=dict(os.environ)), mode)
        except Exception as error:  # whatever it is, it is this mode's failure
            told(mode, f"{type(error).__name__}: {error}")


asyncio.run(main(sys.argv[2], sys.argv[3:]))
finish()
