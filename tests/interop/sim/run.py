#!/usr/bin/env python3
"""The simulator against clients that are not ours, each unmodified and from its registry.

ib_async 2.1.0, IB's own client 10.51.1 in both dialects, ib-mcp 0.3.1 and @stoqey/ib 1.6.10; the Rust client ibapi 5.5.0 is run by
`cargo test`. Needs IBMESH_BIN, the path of a built `ibmesh`, and Node with npm. Installs the pinned clients into folders of its own.
Whatever is missing is a failure: nothing is skipped. Exits with 0 when every check has passed.

`run.py NAME...` runs only the named clients: frames, ib_async, official, ib-mcp, stoqey. `frames` reads the file that IB_SIM_FRAMES
names, which `cargo test` has written (dialects.py says how).
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTALL_MAX_S = 600
CLIENT_MAX_S = 300
# ib-mcp says that it wants Python 3.12; it runs on 3.11, which is what stable Debian has.
IB_MCP = "ib-mcp==0.3.1"

results = []


def told(name, problem=None):
    results.append(problem is None)
    print(f"FAIL  {name}: {problem}" if problem else f"ok    {name}", flush=True)


def kept(name, pins, install):
    """A folder per set of pins, kept, so that the next run need not install."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(b"".join(pins) + sys.version.encode()).hexdigest()[:12]
    folder = cache / "ib-mesh-ci" / f"{name}-{key}"
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing {name}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        install(folder)
        complete.touch()
    return folder


def python_with(name, requirements, alone=()):
    """The Python of a venv with the pinned packages; those of `alone` without what they ask for."""
    pins = HERE / requirements

    def install(folder):
        venv.create(folder, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", pins], check=True, timeout=INSTALL_MAX_S)
        if alone:
            subprocess.run([*pip, "--no-deps", "--ignore-requires-python", *alone], check=True, timeout=INSTALL_MAX_S)

    return kept(name, [pins.read_bytes(), *(one.encode() for one in alone)], install) / "bin" / "python"


def node_modules():
    """The folder with the modules of package-lock.json."""
    files = [HERE / "stoqey" / name for name in ("package.json", "package-lock.json")]

    def install(folder):
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(file, folder)
        command = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_MAX_S)

    return kept("stoqey", [file.read_bytes() for file in files], install) / "node_modules"


def collect(client, command, environment=None):
    """Runs one client and tells its checks."""
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=CLIENT_MAX_S, check=False, env={**os.environ, **(environment or {})}
        )
    except subprocess.TimeoutExpired as error:
        return told(f"{client}: runs to its end", f"it still ran after {CLIENT_MAX_S} s: {(error.stdout or b'')[-2000:]!r}")
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


def stoqey():
    collect("stoqey", [sys.executable, HERE / "stoqey_client.py"], {"NODE_PATH": str(node_modules())})


def frames():
    """Every event in both dialects, read by the decoders of ib_async and of IB's own client."""
    file = os.environ.get("IB_SIM_FRAMES")
    if not file or not Path(file).is_file():
        return told("frames: IB_SIM_FRAMES names a file", f"it is {file!r}")
    command = [python_with("sim-clients", "requirements.txt"), HERE / "dialects.py", "frames", file]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_MAX_S, check=False)
    told("frames: two decoders read every event alike", None if ended.returncode == 0 else f"{ended.stdout}{ended.stderr}"[-3000:])


CLIENTS = {
    "frames": frames,
    "ib_async": lambda: collect("ib_async", [python_with("sim-clients", "requirements.txt"), HERE / "ib_async_client.py"]),
    "official": lambda: collect("official", [python_with("sim-clients", "requirements.txt"), HERE / "official_client.py"]),
    "ib-mcp": lambda: collect("ib-mcp", [python_with("ib-mcp", "requirements-ib-mcp.txt", [IB_MCP]), HERE / "ib_mcp_client.py"]),
    "stoqey": stoqey,
}


def main():
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"needs {' and '.join(missing)}")
    for name in sys.argv[1:] or CLIENTS:
        CLIENTS[name]()
    passed = sum(results)
    print(f"{passed} passed, {len(results) - passed} failed")
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
