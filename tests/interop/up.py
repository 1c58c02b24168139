"""`ibmesh up` on free ports, for the programs of this folder."""

import os
import re
import select
import signal
import subprocess
import sys
import time

from checks import told

READY_MAX_S = 180  # a cold machine fetches nats-server in it
END_MAX_S = 60
# Settings of whoever runs this must not steer the stack.
OURS = re.compile(r"^(IB|IBKR|TWS|NATS|EDGE|SERVER|WORKER|OPTIONS|GATEWAY)_|^(TRADING_MODE|API_PREFIX|ADMIN_BIND)$")


def binary():
    """The `ibmesh` that is tried."""
    path = os.environ.get("IBMESH_BIN")
    if not path or not os.access(path, os.X_OK):
        sys.exit("IBMESH_BIN must be the path of a built ibmesh")
    return path


def environment():
    return {name: value for name, value in os.environ.items() if name == "NATS_SERVER_BIN" or not OURS.match(name)}


class Up:
    """Until the end of the `with` block."""

    def __init__(self, folder, clock, *more, settings=None):
        self.printed = ""
        arguments = ["--edge-bind", "127.0.0.1:0", "--nats-port", "0", "--sim-port", "0", "--data-dir", f"{folder}/mesh"]
        self.process = subprocess.Popen(
            [binary(), "up", *arguments, "--sim-clock", clock, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**environment(), **(settings or {})},
            bufsize=0,
        )

    def __enter__(self):
        try:
            self.read_until("Ctrl-C drains")
        except BaseException:
            self.process.kill()
            raise
        return self

    def read_until(self, text):
        deadline = time.monotonic() + READY_MAX_S
        while text not in self.printed:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                sys.exit(f"`ibmesh up` did not print {text!r}:\n{self.printed}")
            self.printed += piece.decode(errors="replace")

    def address(self, scheme, before):
        return re.search(rf"{before} ({scheme}://[0-9.:]+)", self.printed).group(1)

    @property
    def edge(self):
        return self.address("http", "edge on")

    @property
    def nats(self):
        return self.address("nats", "on")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=END_MAX_S)
            told("up ends on an interrupt", None if code == 0 else f"exit code {code}")
        except subprocess.TimeoutExpired:
            self.process.kill()
            told("up ends on an interrupt", f"it still ran after {END_MAX_S} s")
