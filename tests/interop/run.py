#!/usr/bin/env python3
"""Foreign clients against `ibmesh up`: nats-py with ten lines, the official MCP client, the real curl, and optopsy.

Needs IBMESH_BIN, the path of a built `ibmesh`, and curl. Installs the pinned clients into a venv of its own. Whatever is missing
is a failure: nothing is skipped. Exits with 0 when every check has passed.
"""

import hashlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED_CURLS = HERE.parent / "data" / "seed-curls.txt"
INSTALL_MAX_S = 300
READY_MAX_S = 180  # a cold machine fetches nats-server in it
CLIENT_MAX_S = 180
END_MAX_S = 60
# A fixed day, since the clients ask for the news of fixed dates; the other is one on which options bought on the first are sold.
FIRST_DAY = "2026-11-20T10:00:00-05:00"
SECOND_DAY = "2026-12-11T10:00:00-05:00"
CHAIN = "/options/chain/AAPL/2026-12-18?format=optopsy"

results = []


def told(name, problem=None):
    results.append(problem is None)
    print(f"FAIL  {name}: {problem}" if problem else f"ok    {name}", flush=True)


def python_with_clients():
    """The venv's Python. One venv per set of pins, kept, so that the next run need not install."""
    pins = HERE / "requirements.txt"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache / "ib-mesh-ci" / f"interop-{key}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"installing {', '.join(pins.read_text().split())}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins]
        subprocess.run(install, check=True, timeout=INSTALL_MAX_S)
        complete.touch()
    return python


class Up:
    """`ibmesh up` on free ports, until the end of the `with` block."""

    def __init__(self, binary, folder, clock, *more):
        self.printed = ""
        arguments = ["--edge-bind", "127.0.0.1:0", "--nats-port", "0", "--sim-port", "0", "--data-dir", f"{folder}/mesh"]
        arguments += ["--sim-clock", clock, *more]
        # Settings of whoever runs this must not steer the stack.
        ours = re.compile(r"^(IB|IBKR|TWS|NATS|EDGE|SERVER|WORKER|OPTIONS|GATEWAY)_|^(TRADING_MODE|API_PREFIX|ADMIN_BIND)$")
        environment = {name: value for name, value in os.environ.items() if name == "NATS_SERVER_BIN" or not ours.match(name)}
        self.process = subprocess.Popen(
            [binary, "up", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, bufsize=0
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

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=END_MAX_S)
            told("up ends on an interrupt", None if code == 0 else f"exit code {code}")
        except subprocess.TimeoutExpired:
            self.process.kill()
            told("up ends on an interrupt", f"it still ran after {END_MAX_S} s")


def run(*command):
    ended = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_MAX_S, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def nats(python, url):
    """Ten lines of a foreign language, with no header at all."""
    script = HERE / "nats_ten_lines.py"
    told("the script has ten lines", None if len(script.read_text().splitlines()) == 10 else "it has not")
    code, out, err = run(python, script, url)
    try:
        reply = json.loads(out)
        wrong = None if reply["accounts"] and reply["context"]["mode"] == "simulated" else out
    except (ValueError, KeyError) as error:
        wrong = f"exit code {code}, {error!r}: {out}{err}"
    told("nats-py: account.summary without headers", wrong)
    for name, body, wanted in [("bad JSON", "{", "invalid_params"), ("an unknown parameter", '{"acount":"x"}', "unsupported")]:
        code, out, err = run(python, script, url, body)
        try:
            got = json.loads(out)["error"]["code"]
            wrong = None if got == wanted else out
        except (ValueError, KeyError) as error:
            wrong = f"exit code {code}, {error!r}: {out}{err}"
        told(f"nats-py: {name} is answered with a fault", wrong)


def mcp(python, url):
    code, out, err = run(python, HERE / "mcp_client.py", url)
    checks = [json.loads(line) for line in out.splitlines()]
    for check in checks:
        told(check["name"], check["problem"])
    if code != 0 or not checks:
        told("mcp client: runs to its end", f"exit code {code}: {err[-2000:]}")


def curls(edge):
    """The predecessors' command lines with the real curl; the end-to-end tests look closer at the same answers."""
    address = edge.removeprefix("http://")
    blocks = [block.split("\n", 1) for block in SEED_CURLS.read_text().split("\n\n") if "\ncurl " in block]
    told("seed-curls.txt holds commands", None if blocks else "it holds none")
    for title, documented in blocks:
        here = re.sub(r"localhost:(48012|9090)\b", address, documented.rstrip())
        code, out, err = run("sh", "-c", f"{here} --noproxy '*' --max-time 70 -w '\\n%{{http_code}}'")
        body, _, status = out.rpartition("\n")
        try:
            answer = json.loads(body)
            result = answer.get("result", {})
            good = status == "200" and "error" not in answer and not result.get("isError") and (result or "status" in answer)
            wrong = None if good else out
        except ValueError as error:
            wrong = f"exit code {code}, {error!r}: {out}{err}"
        told(f"curl: {title.removeprefix('# ')}", wrong)


def explained(python, binary, nats_url, edge):
    """What `call --explain` prints runs as it stands, and all of it asks the same."""
    command = [binary, "call", "get_historical_data", "symbol=BRK.B", "duration=5 D", "--explain", "--edge", edge]
    text = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "NATS_URL": nats_url}).stdout
    curl = next(line for line in text.splitlines() if line.startswith("curl "))
    script = text.split("pip install nats-py`\n")[1]
    for name, ran, pointer in [
        ("curl", run("sh", "-c", curl), ("result", "structuredContent")),
        ("python", run(python, "-c", script), ()),
    ]:
        code, out, err = ran
        try:
            reply = json.loads(out)
            for member in pointer:
                reply = reply[member]
            wrong = None if reply["contract"]["symbol"] == "BRK B" and reply["bars"] else out
        except (ValueError, KeyError) as error:
            wrong = f"exit code {code}, {error!r}: {out}{err}"
        told(f"call --explain: its {name} answers", wrong)


def written_chain(up, folder, day):
    """The chain in both formats that optopsy can read, as files."""
    for kind, accept in [("csv", "text/csv"), ("json", "application/json")]:
        url = up.address("http", "edge on") + CHAIN
        code, out, err = run("curl", "-sS", "--fail-with-body", "--noproxy", "*", "--max-time", "70", "-H", f"Accept: {accept}", url)
        told(f"curl: a chain for optopsy as {kind}, {day}", None if code == 0 and out else f"exit code {code}: {out}{err}")
        Path(folder, f"{day}.{kind}").write_text(out)


def optopsy(python, folder):
    for kind in ["csv", "json"]:
        code, out, err = run(python, HERE / "optopsy_chain.py", f"{folder}/first.{kind}", f"{folder}/second.{kind}")
        checks = [json.loads(line) for line in out.splitlines()]
        for check in checks:
            told(f"{check['name']} ({kind})", check["problem"])
        if code != 0 or not checks:
            told(f"optopsy: runs to its end ({kind})", f"exit code {code}: {err[-2000:]}")


def clients(python, binary, folder):
    with Up(binary, f"{folder}/stack", FIRST_DAY) as up:
        nats(python, up.address("nats", "on"))
        edge = up.address("http", "edge on")
        mcp(python, edge + "/mcp")
        curls(edge)
        explained(python, binary, up.address("nats", "on"), edge)
        written_chain(up, folder, "first")


def main():
    binary = os.environ.get("IBMESH_BIN")
    if not binary or not os.access(binary, os.X_OK):
        sys.exit("IBMESH_BIN must be the path of a built ibmesh")
    python = python_with_clients()
    with tempfile.TemporaryDirectory() as folder:
        clients(python, binary, folder)
        with Up(binary, f"{folder}/later", SECOND_DAY) as up:
            written_chain(up, folder, "second")
        optopsy(python, folder)
    passed = sum(results)
    print(f"{passed} passed, {len(results) - passed} failed")
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
