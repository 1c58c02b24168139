"""What every MCP client is asked to do, and how its script tells it."""

import json
import sys
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


def stir(edge):
    """Changes what `ibkr://health` says: every worker connects anew."""
    request = urllib.request.Request(f"{edge}/restart-workers", b"{}", {"Content-Type": "application/json"}, method="POST")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=CLIENT_MAX_S) as answer:
        return json.load(answer)
