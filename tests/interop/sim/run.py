#!/usr/bin/env python3
"""The simulator against clients that are not ours, each unmodified and from its registry.

ib_async 2.1.0, IB's own client 10.51.1 in both dialects, ib-mcp 0.3.1 and @stoqey/ib 1.6.10; the Rust client ibapi 5.5.0 is run by
`cargo test`. Needs IBMESH_BIN, the path of a built `ibmesh`, and Node with npm. Installs the pinned clients into folders of its own.
Whatever is missing is a failure: nothing is skipped. Exits with 0 when every check has passed.

`run.py NAME...` runs only the named clients: frames, ib_async, official, ib-mcp, stoqey. `frames` reads the file that IB_SIM_FRAMES
names, which `cargo test` has written (dialects.py says how).
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from checks import collect, finish, told  # noqa: E402
from installed import node_modules, python_with  # noqa: E402

CLIENT_MAX_S = 300
# ib-mcp says that it wants Python 3.12; it runs on 3.11, which is what stable Debian has.
IB_MCP = "ib-mcp==0.3.1"

def stoqey():
    modules = node_modules("stoqey", HERE / "stoqey")
    collect("stoqey", [sys.executable, HERE / "stoqey_client.py"], CLIENT_MAX_S, {"NODE_PATH": str(modules)})


def sim_clients():
    return python_with("sim-clients", HERE / "requirements.txt")


def ib_mcp():
    return python_with("ib-mcp", HERE / "requirements-ib-mcp.txt", [IB_MCP])


def frames():
    """Every event in both dialects, read by the decoders of ib_async and of IB's own client."""
    file = os.environ.get("IB_SIM_FRAMES")
    if not file or not Path(file).is_file():
        return told("frames: IB_SIM_FRAMES names a file", f"it is {file!r}")
    command = [sim_clients(), HERE / "dialects.py", "frames", file]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_MAX_S, check=False)
    told("frames: two decoders read every event alike", None if ended.returncode == 0 else f"{ended.stdout}{ended.stderr}"[-3000:])


CLIENTS = {
    "frames": frames,
    "ib_async": lambda: collect("ib_async", [sim_clients(), HERE / "ib_async_client.py"], CLIENT_MAX_S),
    "official": lambda: collect("official", [sim_clients(), HERE / "official_client.py"], CLIENT_MAX_S),
    "ib-mcp": lambda: collect("ib-mcp", [ib_mcp(), HERE / "ib_mcp_client.py"], CLIENT_MAX_S),
    "stoqey": stoqey,
}


def main():
    for name in sys.argv[1:] or CLIENTS:
        CLIENTS[name]()
    finish()


if __name__ == "__main__":
    main()
