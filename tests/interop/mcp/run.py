#!/usr/bin/env python3
"""MCP clients that are not ours, each unmodified and from its registry, against `ibmesh up`.

Python's mcp 1.30 and 2.3 (in its legacy, automatic and modern mode, over HTTP and over stdio) and fastmcp 4.1, npm's SDK 1.32 in Node and in a page of
another origin in Chromium, the Inspector 2.12 by its command line and by its own page. Needs IBMESH_BIN, the path of a built
`ibmesh`, Node with npm, and Chromium (CHROMIUM, else on PATH). Installs the pinned clients into folders of its own. Whatever is
missing is a failure: nothing is skipped. Exits with 0 when every check has passed.

`run.py NAME...` runs only the named clients: python-v1, python-v2, every-tool, stdio, sdk, inspector, browser.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from checks import collect, finish  # noqa: E402
from installed import node_modules, python_with  # noqa: E402
from up import Up, binary  # noqa: E402

CLIENT_MAX_S = 400
BUNDLE_MAX_S = 60
# A fixed day, since the clients ask for the news of fixed dates.
CLOCK = "2026-11-20T10:00:00-05:00"


class Clients:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.modules = node_modules("mcp-npm", HERE, built=["node"])
        self.node = self.modules / "node" / "bin" / "node"
        self.page_port = free_port()

    def npm(self):
        return {
            "NODE_PATH": str(self.modules),
            "NODE": str(self.node),
            "INSPECTOR": str(self.modules / ".bin" / "mcp-inspector"),
        }

    def bundle(self, script, platform):
        """One file of a script and its modules: neither Node's ES modules nor a page look where NODE_PATH says."""
        out = self.folder / f"{script}.{platform}.mjs"
        command = [self.modules / ".bin" / "esbuild", HERE / script, "--bundle", f"--platform={platform}", "--log-level=error"]
        style = "esm" if platform == "node" else "iife"
        subprocess.run([*command, f"--format={style}", f"--outfile={out}"], env={**os.environ, **self.npm()}, timeout=BUNDLE_MAX_S, check=True)
        return out

    def python_v1(self, up):
        python = python_with("mcp-python-v1", HERE / "requirements-1.txt")
        collect("mcp 1.30", [python, HERE / "python_v1.py", up.edge], CLIENT_MAX_S)

    def python_v2(self, up):
        python = python_with("mcp-python-v2", HERE / "requirements.txt")
        collect("mcp 2.3", [python, HERE / "python_v2.py", up.edge], CLIENT_MAX_S)

    def every_tool(self, up):
        python = python_with("mcp-python-v2", HERE / "requirements.txt")
        collect("mcp 2.3", [python, HERE / "every_tool.py", f"{up.edge}/mcp"], CLIENT_MAX_S)

    def stdio(self, up):
        python = python_with("mcp-python-v2", HERE / "requirements.txt")
        program = str(Path(binary()).resolve())
        for door, arguments, more in [
            ("an edge", ["mcp", "--edge", up.edge], {"IBMESH_STIR": up.edge}),
            ("NATS", ["mcp", "--nats"], {"NATS_URL": up.nats, "IBMESH_STIR": up.edge}),
            ("a private stack", ["mcp", "--up"], {}),
        ]:
            collect(f"stdio to {door}", [python, HERE / "stdio.py", door, program, *arguments], CLIENT_MAX_S, more)

    def sdk(self, up):
        collect("sdk 1.32", [self.node, self.bundle("in_node.mjs", "node"), up.edge], CLIENT_MAX_S)

    def inspector(self, up):
        collect("Inspector", [sys.executable, HERE / "inspector.py", up.edge], CLIENT_MAX_S, self.npm())

    def browser(self, up):
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        if chromium is None:
            sys.exit("needs chromium")
        steer = {"EDGE": up.edge, "PAGE_PORT": str(self.page_port), "CHROMIUM": chromium}
        command = [self.node, HERE / "browser.cjs", self.bundle("in_page.mjs", "browser")]
        collect("browser", command, CLIENT_MAX_S, {**self.npm(), **steer})


CLIENTS = {
    "python-v1": Clients.python_v1,
    "python-v2": Clients.python_v2,
    "every-tool": Clients.every_tool,
    "stdio": Clients.stdio,
    "sdk": Clients.sdk,
    "inspector": Clients.inspector,
    "browser": Clients.browser,
}


def free_port():
    """A port for the page: the edge must be told its origin before it starts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    binary()
    with tempfile.TemporaryDirectory() as folder:
        clients = Clients(folder)
        origin = {"EDGE_ALLOWED_ORIGINS": f"http://127.0.0.1:{clients.page_port}"}
        with Up(folder, CLOCK, settings=origin) as up:
            for name in sys.argv[1:] or CLIENTS:
                CLIENTS[name](clients, up)
    finish()


if __name__ == "__main__":
    main()
