"""Lists and calls every tool with the official Python client in its handshake ("legacy") mode.

Prints one line of JSON per check: {"name": ..., "problem": null or why it failed}.
"""

import asyncio
import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator
from mcp import Client
from mcp.types import PromptReference, ResourceTemplateReference

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "json"
# What a tool asks, whose answer is its structuredContent.
OPERATIONS = {
    "get_account": "account.overview",
    "get_account_summary": "account.summary",
    "get_account_values": "account.values",
    "get_positions": "account.positions",
    "get_portfolio": "account.portfolio",
    "get_pnl": "account.pnl",
    "get_position_pnl": "account.position_pnl",
    "list_accounts": "account.list",
    "get_open_orders": "account.open_orders",
    "get_completed_orders": "account.completed_orders",
    "get_executions": "account.executions",
    "get_health": "edge.health",
    "get_server_time": "session.time",
    "get_news_providers": "news.providers",
    "get_head_timestamp": "history.head",
    "get_histogram": "history.histogram",
    "get_historical_ticks": "history.ticks",
    "get_trading_schedule": "contracts.schedule",
    "get_market_rule": "contracts.market_rule",
    "lookup_contract": "contracts.lookup",
    "ticker_to_conid": "contracts.lookup",
    "search_contracts": "contracts.search",
    "get_contract_details": "contracts.details",
    "get_historical_data": "history.bars",
    "get_fundamental_data": "fundamentals.company",
    "get_option_chain": "options.expirations",
    "get_option_chain_greeks": "options.chain",
    "get_option_quotes": "options.quotes",
    "get_historical_news": "news.headlines",
    "get_article": "news.article",
}

# Not in the default list, and callable all the same.
UNLISTED = {
    "get_position_pnl", "get_open_orders", "get_completed_orders", "get_executions", "get_server_time", "get_news_providers",
    "get_head_timestamp", "get_histogram", "get_historical_ticks", "get_trading_schedule", "get_market_rule",
}  # fmt: skip

ARGUMENTS = {
    "get_account": {},
    "get_account_summary": {},
    "get_account_values": {},
    "get_positions": {},
    "get_portfolio": {},
    "get_pnl": {},
    "get_position_pnl": {"symbol": "AAPL"},
    "list_accounts": {},
    "get_open_orders": {},
    "get_completed_orders": {},
    "get_executions": {},
    "get_health": {},
    "get_server_time": {},
    "get_news_providers": {},
    "get_head_timestamp": {"symbol": "AAPL"},
    "get_histogram": {"symbol": "AAPL", "period": "1 day"},
    "get_historical_ticks": {"symbol": "AAPL", "count": 5},
    "get_trading_schedule": {"symbol": "AAPL"},
    "get_market_rule": {"rule_id": 26},
    "lookup_contract": {"symbol": "AAPL"},
    "ticker_to_conid": {"symbol": "AAPL"},
    "search_contracts": {"pattern": "apple"},
    "get_contract_details": {"symbol": "AAPL"},
    "get_historical_data": {"symbol": "AAPL", "duration": "5 D", "bar_size": "1 hour"},
    "get_fundamental_data": {"symbol": "AAPL"},
    "get_option_chain": {"symbol": "AAPL"},
    # get_option_chain_greeks and get_option_quotes are called with an expiration of get_option_chain
    "get_historical_news": {"symbol": "AAPL", "start_date": "2026-01-01", "end_date": "2026-12-31"},
    # get_article is called with the first headline of get_historical_news
}


failed = []


def told(name, problem=None):
    if problem is not None:
        failed.append(name)
    print(json.dumps({"name": f"mcp client: {name}", "problem": problem}), flush=True)


def unlike_its_schema(operation, content):
    """The first thing in which an answer differs from its operation's published schema, or None."""
    schema = json.loads((SCHEMAS / f"{operation}.reply.json").read_text())
    error = next(Draft202012Validator(schema).iter_errors(content), None)
    return error and f"{error.json_path}: {error.message}"[:500]


async def call(client, name, arguments, **how):
    """Calls one tool; the client itself checks structuredContent against the tool's outputSchema, and here it is the wire's."""
    try:
        result = await client.call_tool(name, arguments, **how)
    except Exception as error:  # whatever it is, it is this check's failure and not the end of the others
        told(name, f"{type(error).__name__}: {error}")
        return None
    text = result.content[0].text if result.content else ""
    if result.is_error:
        told(name, text)
    elif not result.structured_content:
        told(name, "no structuredContent")
    elif "SIMULATED" not in text.splitlines()[-1]:
        told(name, f"the text does not end with its context: {text[-200:]}")
    else:
        told(name, unlike_its_schema(OPERATIONS[name], result.structured_content))
    return result.structured_content


async def options(client, chain):
    """A chain with Greeks, whose progress is told, and two of its contracts."""
    expirations = chain.get("expirations") or []
    if len(expirations) < 5:
        told("get_option_chain_greeks", f"too few expirations: {expirations}")
        return
    steps = []

    async def progress(done, total, message):
        steps.append((done, total))

    asked = {"symbol": "AAPL", "expiration": expirations[4], "limit": 60}
    greeks = await call(client, "get_option_chain_greeks", asked, progress_callback=progress)
    grows = all(a[0] < b[0] for a, b in zip(steps, steps[1:]))
    within = all(total and done <= total for done, total in steps)
    under_way = [done for done, _ in steps if done > 0]
    told("a chain's progress", None if grows and within and len(under_way) > 1 else f"told were {steps}")
    strikes = [row["strike"] for row in (greeks or {}).get("rows", []) if row["right"] == "C"][:2]
    asked = {"symbol": "AAPL", "expiry": expirations[4], "right": "C", "strikes": strikes}
    quotes = await call(client, "get_option_quotes", asked)
    quoted = [row["strike"] for row in (quotes or {}).get("rows", [])]
    told("two strikes are quoted", None if len(set(strikes)) == 2 and quoted == strikes else f"{quoted} for {strikes}")


# The operation whose reply a resource is; health is the edge's own report.
RESOURCES = {
    "ibkr://accounts": "account.summary",
    "ibkr://health": None,
    "ibkr://positions/": "account.positions",
    "ibkr://portfolio/": "account.portfolio",
    "ibkr://orders/": "account.open_orders",
}


async def resources(client):
    """Every listed resource is read, and a template's variable is completed with what is listed."""
    listed = [resource.uri for resource in (await client.list_resources()).resources]
    unread = [head for head in RESOURCES if not any(uri.startswith(head) for uri in listed)]
    told("lists every resource", f"{unread} are not in {listed}" if unread else None)
    for uri in listed:
        content = (await client.read_resource(uri)).contents[0]
        operation = next((operation for head, operation in RESOURCES.items() if uri.startswith(head)), uri)
        document = json.loads(content.text)
        problem = operation and unlike_its_schema(operation, document)
        told(f"reads {uri.split('/')[2]}", problem or (None if content.mime_type == "application/json" else content.mime_type))
    template = (await client.list_resource_templates()).resource_templates[0].uri_template
    found = await client.complete(ResourceTemplateReference(uri=template), {"name": "account", "value": "DU"})
    wanted = [template.replace("{account}", account) for account in found.completion.values]
    told("completes an account", None if wanted and set(wanted) <= set(listed) else f"{wanted} of {listed}")


async def prompts(client):
    """Every prompt is got with its required arguments, and what is typed into one is completed."""
    listed = (await client.list_prompts()).prompts
    told("lists every prompt", None if len(listed) >= 4 else f"listed {[prompt.name for prompt in listed]}")
    for prompt in listed:
        arguments = {argument.name: "AAPL" for argument in prompt.arguments or [] if argument.required}
        got = await client.get_prompt(prompt.name, arguments)
        told(prompt.name, None if "`" in got.messages[0].content.text else got.messages[0].content.text)
    found = await client.complete(PromptReference(name="pre_trade_checklist"), {"name": "bar_size", "value": "5"})
    told("completes a bar size", None if found.completion.values[:2] == ["5 secs", "5 mins"] else f"{found.completion}")


async def main(url):
    async with Client(url, mode="legacy") as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        wanted = {*ARGUMENTS, "get_article", "get_option_chain_greeks", "get_option_quotes"} - UNLISTED
        told("lists every tool", None if listed == wanted else f"listed {sorted(listed)}, wanted {sorted(wanted)}")
        told("gets instructions", None if client.instructions else "there are none")
        await resources(client)
        await prompts(client)
        answers = {name: await call(client, name, arguments) or {} for name, arguments in ARGUMENTS.items()}
        await options(client, answers["get_option_chain"])
        headlines = answers["get_historical_news"].get("headlines") or []
        if not headlines:
            told("get_article", "there is no headline to read")
            return
        first = headlines[0]
        await call(client, "get_article", {"articleId": first["article_id"], "providerCode": first["provider"]})


asyncio.run(main(sys.argv[1]))
sys.exit(1 if failed else 0)
