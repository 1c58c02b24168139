"""What every MCP client is asked to do, and how its script tells it."""

import asyncio
import json
import sys
import time
import urllib.request

# The seeds' own three calls.
CALLS = {
    "get_historical_data": {"symbol": "VTI", "duration": "1 M", "bar_size": "1 day"},
    "get_positions": {},
    "get_account_summary": {},
}
UNKNOWN = ("get_contract_details", {"symbol": "NOSUCHSYMBOL"})
CHAIN = {"symbol": "AAPL", "expiration": "2026-12-18", "limit": 60}
HEALTH = "ibkr://health"
PUSHED_MAX_S = 30
CLIENT_MAX_S = 60
# Keys that somebody types until a list is there.
TYPED_MAX = 20
# Who connects anew faster than heartbeats tell is not seen away.
SEEN_MAX_S = 5

failed = []


def told(name, problem=None):
    if problem is not None:
        failed.append(name)
    print(json.dumps({"name": name, "problem": None if problem is None else str(problem)[:2000]}), flush=True)


def check(name, good, seen=""):
    told(name, None if good else f"saw {seen!r}")


def finish():
    sys.exit(1 if failed else 0)


def simulated(text):
    """Whether a tool's text ends as every text of this stack must."""
    return "SIMULATED" in text.splitlines()[-1]


async def completed(ask, wanted):
    """What is completed once it holds `wanted`. A list for somebody who types is empty when IB's pace lets nothing through in time,
    such as just after every session was made anew; whoever types on asks again."""
    for _ in range(TYPED_MAX):
        found = await ask()
        if wanted in found.completion.values:
            break
        await asyncio.sleep(0.5)
    return found


def ask(edge, path, body=None):
    request = urllib.request.Request(f"{edge}{path}", body, {"Content-Type": "application/json"}, method="POST" if body else "GET")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=CLIENT_MAX_S) as answer:
        return json.load(answer)


def stir(edge):
    """Changes what `ibkr://health` says: every worker connects anew. Returns when all have."""
    restarted = ask(edge, "/restart-workers", b"{}")["restarted"]
    started, away = time.monotonic(), False
    while (waited := time.monotonic() - started) < CLIENT_MAX_S:
        health = ask(edge, "/health")
        connected = health["pool"]["workers_ib_connected"] + health["options_client_connected"]
        away = away or connected < restarted or waited > SEEN_MAX_S
        if away and connected >= restarted:
            return
        time.sleep(0.05)
    sys.exit(f"{restarted} processes did not connect anew within {CLIENT_MAX_S} s")
