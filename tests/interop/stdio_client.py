"""The official Python client over stdio: `ibmesh mcp` in each of the client's modes, with progress and parallel calls.

Prints one line of JSON per check: {"name": ..., "problem": null or why it failed}. Arguments: the program and its arguments.
"""

import asyncio
import json
import os
import sys

from mcp import Client, StdioServerParameters

MODES = ["legacy", "auto"]


def told(name, problem=None):
    print(json.dumps({"name": f"stdio: {name}", "problem": problem}), flush=True)


def unlike(result):
    """Why an answer is none of a simulated account, or None."""
    if result.is_error:
        return result.content[0].text
    mode = (result.structured_content or {}).get("context", {}).get("mode")
    return None if mode == "simulated" else f"the mode is {mode}"


async def talk(server, mode):
    async with Client(server, mode=mode) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        told(f"{mode}: lists tools", None if "get_positions" in tools else f"listed {tools}")
        told(f"{mode}: a call", unlike(await client.call_tool("get_account_summary", {})))
        many = await asyncio.gather(*(client.call_tool("ticker_to_conid", {"symbol": "AAPL"}) for _ in range(40)))
        told(f"{mode}: 40 calls at once", next(filter(None, map(unlike, many)), None))
        chain = await client.call_tool("get_option_chain", {"symbol": "AAPL"})
        steps = []

        async def progress(done, total, message):
            steps.append(done)

        asked = {"symbol": "AAPL", "expiration": chain.structured_content["expirations"][4], "limit": 60}
        greeks = await client.call_tool("get_option_chain_greeks", asked, progress_callback=progress)
        told(f"{mode}: a chain with Greeks", unlike(greeks))
        told(f"{mode}: progress is told", None if len(steps) > 1 and steps == sorted(steps) else f"told were {steps}")


async def main(command, arguments):
    for mode in MODES:
        try:
            await talk(StdioServerParameters(command=command, args=arguments, env=dict(os.environ)), mode)
        except Exception as error:  # whatever it is, it is this mode's failure
            told(mode, f"{type(error).__name__}: {error}")


asyncio.run(main(sys.argv[1], sys.argv[2:]))
