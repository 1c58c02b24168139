#!/usr/bin/env python3
"""The Inspector's command line, 2.12: `inspector.py EDGE`. NODE and INSPECTOR name its programs, IBMESH_BIN ours."""

import json
import os
import subprocess
import sys

from says import CALLS, CLIENT_MAX_S, check, finish

ERAS = ["legacy", "auto", "modern"]
LOAD = 1_000
LOAD_MAX_S = 180


def run(*arguments, max_s=CLIENT_MAX_S):
    command = [os.environ["NODE"], os.environ["INSPECTOR"], "--cli", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=max_s, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def over(name, *where):
    """Lists and calls; exit code 6 is a schema that breaks the rules."""
    code, out, err = run(*where, "--method", "tools/list", "--strict")
    check(f"Inspector {name}: the list keeps the rules of schemas", code == 0 and "get_positions" in out, (code, err[-1500:]))
    for tool, arguments in CALLS.items():
        call = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments)]
        code, out, err = run(*where, *call)
        check(f"Inspector {name}: {tool}", code == 0 and "SIMULATED" in out, (code, out[-500:], err[-1500:]))


def main(edge):
    http = ["--transport", "http", "--server-url", f"{edge}/mcp"]
    for era in ERAS:
        over(era, *http, "--protocol-era", era)
    load = ["--load", "--load-concurrency", "8", "--load-requests", str(LOAD), "--format", "json", "-q"]
    code, out, err = run(*http, "--method", "tools/call", "--tool-name", "get_positions", *load, max_s=LOAD_MAX_S)
    result = json.loads(out).get("result", {}) if code == 0 else {}
    check(f"Inspector: {LOAD} calls without an error", result.get("ok") == LOAD, (code, result, err[-1500:]))
    over("stdio", "--stdio", os.environ["IBMESH_BIN"], "mcp", "--edge", edge)


main(sys.argv[1])
finish()
