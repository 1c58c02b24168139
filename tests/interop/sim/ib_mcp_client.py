#!/usr/bin/env python3
"""ib-mcp 0.3.1, unmodified, over stdio against `ibmesh sim`: all of its 13 tools, called by the MCP client it brings along."""

import asyncio
import re
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from harness import Sim, check, finish, told

CALL_MAX_S = 60
TOOLS = 13


async def call(client, name, arguments, wanted, called):
    """The text of one answer; it has to hold `wanted`, a pattern."""
    called.add(name)
    try:
        answer = await asyncio.wait_for(client.call_tool(name, arguments), CALL_MAX_S)
    except Exception as error:  # noqa: BLE001, whatever it is, it is this tool's failure
        told(f"ib-mcp: {name}", f"{type(error).__name__}: {error}")
        return ""
    text = "\n".join(getattr(part, "text", "") for part in answer.content)
    check(f"ib-mcp: {name}", re.search(wanted, text), text)
    return text


async def main():
    with Sim("ib-mcp") as sim:
        arguments = ["-m", "ib_mcp.server", "--host", sim.host, "--port", str(sim.port), "--client-id", "5"]
        async with Client(StdioTransport(sys.executable, arguments)) as client:
            called = set()
            listed = {tool.name for tool in await client.list_tools()}
            check("ib-mcp: lists its tools", len(listed) == TOOLS, sorted(listed))

            async def ask(name, wanted, **fields):
                return await call(client, name, fields, wanted, called)

            await ask("lookup_contract", r"265598", symbol="AAPL")
            await ask("ticker_to_conid", r"265598", symbol="AAPL")
            await ask("search_contracts", r"AAPL", pattern="AAPL")
            await ask("get_contract_details", r"APPLE", symbol="AAPL")
            bars = await ask("get_historical_data", r"\d+\.\d+", symbol="AAPL", duration="5 D", bar_size="1 hour")
            check("ib-mcp: bars are rows of a table", bars.count("| 2026") >= 10, bars)
            news = await ask("get_historical_news", r"(BRFG|BRFUPDN|DJNL)\$", symbol="AAPL", start_date="2026-10-01", end_date="2026-11-20")
            found = re.search(r"(\w+)\$[0-9a-f]+", news)
            article = {"articleId": found.group(0), "providerCode": found.group(1)} if found else {"articleId": "", "providerCode": ""}
            await ask("get_article", r"simulator", **article)
            # IB withdrew it: the tool has to come back with the refusal instead of hanging.
            await ask("get_fundamental_data", r"(?i)fundamental|10358", symbol="AAPL")
            await ask("get_account_summary", r"NetLiquidation")
            await ask("get_positions", r"DUSIM00001")
            chain = await ask("get_option_chain", r"202\d{5}", symbol="AAPL", sec_type="STK", exchange="SMART")
            await ask("get_index_quote", r"\d{3,}\.\d+", symbol="SPX")
            months = sorted(set(re.findall(r"\b202[67]\d{4}\b", chain)))
            quotes = {"symbol": "AAPL", "right": "C", "strikes": [270.0, 275.0], "trading_class": "AAPL"}
            if months:
                await ask("get_option_quotes", r"27[05].*\d\.\d\d", expiry=months[min(4, len(months) - 1)], **quotes)
            check("ib-mcp: every tool was called", called == listed, sorted(listed - called))
    finish()


asyncio.run(main())
