"""Checks as the programs of this folder tell them, and the lines of JSON in which their client scripts do.

A script prints each check as {"name", "problem"}, where a problem of null means that it passed, and ends with 1 if one has failed.
"""

import json
import os
import subprocess
import sys

results = []


def told(name, problem=None):
    results.append(problem is None)
    print(f"FAIL  {name}: {str(problem)[:3000]}" if problem is not None else f"ok    {name}", flush=True)


def finish():
    """Ends the program: 0 when there were checks and all of them passed."""
    passed = sum(results)
    print(f"{passed} passed, {len(results) - passed} failed")
    sys.exit(0 if results and all(results) else 1)


def collect(client, command, max_s, environment=None):
    """Runs one client script and tells its checks."""
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=max_s, check=False, env={**os.environ, **(environment or {})}
        )
    except subprocess.TimeoutExpired as error:
        return told(f"{client}: runs to its end", f"it still ran after {max_s} s: {(error.stdout or b'')[-2000:]!r}")
    count, bad = 0, 0
    for line in ended.stdout.splitlines():
        if not line.startswith('{"name"'):
            print(f"      {line}")
            continue
        row = json.loads(line)
        count, bad = count + 1, bad + (row["problem"] is not None)
        told(row["name"], row["problem"])
    if count == 0 or ended.returncode != (1 if bad else 0):
        told(f"{client}: runs to its end", f"exit code {ended.returncode} after {count} checks: {ended.stderr[-3000:]}")
    elif bad:
        print(ended.stderr[-3000:], file=sys.stderr)
