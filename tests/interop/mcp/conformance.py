#!/usr/bin/env python3
"""MCP's conformance suite against `ibmesh up --conformance`: what 2026-07-28 requires, and what 2025-11-25 did.

Needs IBMESH_BIN, the path of a built `ibmesh`, and Node with npm. Installs the pinned suite, and the node that it wants, into a
folder of its own. Fails on every scenario that fails and does not stand in conformance.yml, scored by the suite or not, and on
every one that stands there and passes.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from checks import finish, told  # noqa: E402
from installed import node_modules  # noqa: E402
from up import Up, binary  # noqa: E402

EXPECTED = HERE / "conformance.yml"
CLOCK = "2026-11-20T10:00:00-05:00"
REVISIONS = ["2026-07-28", "2025-11-25"]
SUITE_MAX_S = 600
# What the list may name at all.
MAY_FAIL = re.compile(r"^(tasks-|.*sampling)")


def expected():
    entries = re.findall(r"^ *- *([^\s#]+)", EXPECTED.read_text(), re.MULTILINE)
    wrong = [entry for entry in entries if not MAY_FAIL.match(entry)]
    told("conformance.yml names tasks and sampling only", f"it names {wrong}" if wrong else None)
    return set(entries)


def suite(node, program, url, revision, folder):
    command = [node, program, "server", "--url", url, "--requirements", revision, "-o", f"{folder}/{revision}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SUITE_MAX_S, check=False)
    summary = ended.stdout.partition("=== SUMMARY ===")[2]
    scenarios = {name: int(failed) for name, failed in re.findall(r"^[^\w\s] ([\w-]+): \d+ passed, (\d+) failed", summary, re.MULTILINE)}
    if not scenarios:
        told(f"{revision}: the suite runs", f"exit code {ended.returncode}: {(ended.stdout + ended.stderr)[-2000:]}")
    return scenarios


def main():
    binary()
    modules = node_modules("mcp-npm", HERE, built=["node"])
    node, program = modules / "node" / "bin" / "node", modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    allowed, failing = expected(), set()
    with tempfile.TemporaryDirectory() as folder, Up(folder, CLOCK, "--conformance") as up:
        # The suite sends this name as Host and Origin, and wants both to be let in.
        url = up.edge.replace("127.0.0.1", "localhost") + "/mcp"
        for revision in REVISIONS:
            for scenario, failed in sorted(suite(node, program, url, revision, folder).items()):
                if failed:
                    failing.add(scenario)
                unexpected = failed and scenario not in allowed
                told(f"{revision}: {scenario}", f"{failed} checks failed" if unexpected else None)
    stale = sorted(allowed - failing)
    told("what is expected to fail fails", f"{stale} pass: take them out of {EXPECTED.name}" if stale else None)
    finish()


if __name__ == "__main__":
    main()
