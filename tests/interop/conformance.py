#!/usr/bin/env python3
"""MCP's conformance suite against `ibmesh up --conformance`: what 2026-07-28 requires, and what 2025-11-25 did.

Needs IBMESH_BIN, the path of a built `ibmesh`, and npm. Installs the pinned suite, and the node that it wants, into a folder of
its own. Fails on every scenario that fails and does not stand in conformance.yml, scored by the suite or not, and on every one
that stands there and passes.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from run import FIRST_DAY, Up, results, told

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "conformance.yml"
SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
PINS = ["node@22.23.3", SUITE]
REVISIONS = ["2026-07-28", "2025-11-25"]
INSTALL_MAX_S = 600
SUITE_MAX_S = 600
# What the list may name at all.
MAY_FAIL = re.compile(r"^(tasks-|.*sampling)")


def installed():
    """The suite's node and its program. One folder per set of pins, kept, so that the next run need not install."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "ib-mesh-ci" / f"conformance-{hashlib.sha256(' '.join(PINS).encode()).hexdigest()[:12]}"
    modules, complete = folder / "node_modules", folder / "complete"
    if not complete.exists():
        print(f"installing {', '.join(PINS)}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private":true}')
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *PINS], cwd=folder, check=True, timeout=INSTALL_MAX_S)
        complete.touch()
    return modules / ".bin" / "node", modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"


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
    binary = os.environ.get("IBMESH_BIN")
    if not binary or not os.access(binary, os.X_OK):
        sys.exit("IBMESH_BIN must be the path of a built ibmesh")
    node, program = installed()
    allowed, failing = expected(), set()
    with tempfile.TemporaryDirectory() as folder, Up(binary, folder, FIRST_DAY, "--conformance") as up:
        # The suite sends this name as Host and Origin, and wants both to be let in.
        url = up.address("http", "edge on").replace("127.0.0.1", "localhost") + "/mcp"
        for revision in REVISIONS:
            for scenario, failed in sorted(suite(node, program, url, revision, folder).items()):
                if failed:
                    failing.add(scenario)
                unexpected = failed and scenario not in allowed
                told(f"{revision}: {scenario}", f"{failed} checks failed" if unexpected else None)
    stale = sorted(allowed - failing)
    told("what is expected to fail fails", f"{stale} pass: take them out of {EXPECTED.name}" if stale else None)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
