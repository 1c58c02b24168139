#!/usr/bin/env python3
"""`ibmesh mcp` against clients that start it: the official Python client and MCP's own inspector.

Needs IBMESH_BIN, the path of a built `ibmesh`, and Node with npm. Installs the pinned clients into folders of its own. Whatever is
missing is a failure: nothing is skipped. Exits with 0 when every check has passed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from run import CLIENT_MAX_S, HERE, INSTALL_MAX_S, Up, python_with_clients, results, told


def inspector():
    """The inspector, and the Node that it wants. One folder per set of pins, kept."""
    files = [HERE / "inspector" / name for name in ("package.json", "package-lock.json")]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    folder = cache / "ib-mesh-ci" / f"inspector-{key}"
    if not (folder / "complete").exists():
        print("installing the inspector", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=INSTALL_MAX_S)
        (folder / "complete").touch()
    return [folder / "node_modules" / ".bin" / name for name in ("node", "mcp-inspector")]


def environment(more):
    """Without the settings of whoever runs this, which would steer the program."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "XDG_CACHE_HOME", "NATS_SERVER_BIN", "TMPDIR")}
    return {**kept, **more}


def python_client(python, door, command, more):
    ended = subprocess.run(
        [str(part) for part in [python, HERE / "stdio_client.py", *command]],
        capture_output=True, text=True, timeout=CLIENT_MAX_S, check=False, env=environment(more),
    )  # fmt: skip
    checks = [json.loads(line) for line in ended.stdout.splitlines()]
    for check in checks:
        told(f"{door}: {check['name']}", check["problem"])
    if ended.returncode != 0 or not checks:
        told(f"{door}: the Python client runs to its end", f"exit code {ended.returncode}: {ended.stderr[-2000:]}")


def inspected(tools, command):
    node, program = tools
    for name, what, wanted in [
        ("tools/list --strict", ["--method", "tools/list", "--strict"], "get_positions"),
        ("a call", ["--method", "tools/call", "--tool-name", "ticker_to_conid", "--tool-args-json", '{"symbol":"AAPL"}'], "265598"),
    ]:
        ended = subprocess.run(
            [str(part) for part in [node, program, "--cli", *what, *command]],
            capture_output=True, text=True, timeout=CLIENT_MAX_S, check=False, env=environment({}),
        )  # fmt: skip
        good = ended.returncode == 0 and wanted in ended.stdout
        told(f"inspector over stdio: {name}", None if good else f"exit code {ended.returncode}: {(ended.stdout + ended.stderr)[-2000:]}")


def main():
    binary = os.environ.get("IBMESH_BIN")
    if not binary or not os.access(binary, os.X_OK):
        sys.exit("IBMESH_BIN must be the path of a built ibmesh")
    binary = str(Path(binary).resolve())
    python, tools = python_with_clients(), inspector()
    with tempfile.TemporaryDirectory() as folder, Up(binary, f"{folder}/stack", "open") as up:
        at_nats = {"NATS_URL": up.address("nats", "on")}
        at_edge = [binary, "mcp", "--edge", up.address("http", "edge on")]
        python_client(python, "edge", at_edge, {})
        python_client(python, "nats", [binary, "mcp", "--nats"], at_nats)
        # It gives the program a bare environment.
        inspected(tools, at_edge)
    python_client(python, "private", [binary, "mcp", "--up"], {})
    passed = sum(results)
    print(f"{passed} passed, {len(results) - passed} failed")
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
