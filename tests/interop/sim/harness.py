"""What the client scripts share: a simulator of their own, and checks as lines of JSON.

Each script runs by itself: `IBMESH_BIN=path python SCRIPT.py`. A check is printed as {"name", "problem"}, where a problem of null
means that it passed; `run.py` collects them.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request

READY_MAX_S = 60
END_MAX_S = 20
CONTROL_MAX_S = 30
# A Friday morning in New York: everything trades, prices move.
FRIDAY = "2026-11-20T10:15:00-05:00"
# A Saturday: nothing moves, so two runs see the same.
SATURDAY = "2026-11-21T12:00:00-05:00"

failed = []


def told(name, problem=None):
    if problem is not None:
        failed.append(name)
    print(json.dumps({"name": name, "problem": None if problem is None else str(problem)[:2000]}), flush=True)


def check(name, good, seen=""):
    told(name, None if good else f"saw {seen!r}")


def finish():
    sys.exit(1 if failed else 0)


class Sim:
    """`ibmesh sim` on free ports, until the end of the `with` block; then nothing may have been left unserved."""

    def __init__(self, name, *arguments, clock=FRIDAY):
        binary = os.environ.get("IBMESH_BIN")
        if not binary or not os.access(binary, os.X_OK):
            sys.exit("IBMESH_BIN must be the path of a built ibmesh")
        self.name = name
        command = [binary, "sim", "--bind", "127.0.0.1:0", "--control-bind", "127.0.0.1:0", "--clock", clock, *arguments]
        # Its log goes where ours goes: on a failure it tells why.
        environment = {**os.environ, "LOG_LEVEL": os.environ.get("LOG_LEVEL", "warn")}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, bufsize=0)
        try:
            ready = json.loads(self.line())["addresses"]
        except BaseException:
            self.process.kill()
            raise
        self.host, port = ready["api"].rsplit(":", 1)
        self.port, self.control = int(port), ready["control"]

    def line(self):
        """The first line that the simulator prints."""
        deadline, text = time.monotonic() + READY_MAX_S, b""
        while b"\n" not in text:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                sys.exit(f"`ibmesh sim` did not become ready: {text!r}")
            text += piece
        return text.split(b"\n", 1)[0]

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.control}{path}", timeout=CONTROL_MAX_S) as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(f"http://{self.control}{path}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=CONTROL_MAX_S) as answer:
            return json.load(answer)

    def counters(self):
        return self.get("/counters")["counters"]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                counters = self.counters()
                check(f"{self.name}: every request was served", counters["unhandled"] == 0, counters)
                check(f"{self.name}: every request was readable", counters["unreadable"] == 0, counters)
        finally:
            self.process.send_signal(signal.SIGINT)
            try:
                code = self.process.wait(timeout=END_MAX_S)
                check(f"{self.name}: the simulator ends on an interrupt", code == 0, code)
            except subprocess.TimeoutExpired:
                self.process.kill()
                told(f"{self.name}: the simulator ends on an interrupt", f"it still ran after {END_MAX_S} s")
