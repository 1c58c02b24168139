#!/usr/bin/env python3
"""Foreign clients against `ibmesh up`: nats-py with ten lines, the real curl, PyJWT, and optopsy.

Needs IBMESH_BIN, the path of a built `ibmesh`, and curl. Installs the pinned clients into a venv of its own. Whatever is missing
is a failure: nothing is skipped. Exits with 0 when every check has passed.
"""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from checks import collect, finish, told
from installed import python_with
from up import Up, binary

HERE = Path(__file__).resolve().parent
SEED_CURLS = HERE.parent / "data" / "seed-curls.txt"
CLIENT_MAX_S = 180
# A fixed day, since the clients ask for the news of fixed dates; the other is one on which options bought on the first are sold.
FIRST_DAY = "2026-11-20T10:00:00-05:00"
SECOND_DAY = "2026-12-11T10:00:00-05:00"
CHAIN = "/options/chain/AAPL/2026-12-18?format=optopsy"


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


def explained(python, nats_url, edge):
    """What `call --explain` prints runs as it stands, and all of it asks the same."""
    command = [binary(), "call", "get_historical_data", "symbol=BRK.B", "duration=5 D", "--explain", "--edge", edge]
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
        url = up.edge + CHAIN
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


def clients(python, folder):
    with Up(f"{folder}/stack", FIRST_DAY) as up:
        nats(python, up.nats)
        curls(up.edge)
        explained(python, up.nats, up.edge)
        written_chain(up, folder, "first")


def main():
    binary()
    python = python_with("interop", HERE / "requirements.txt")
    with tempfile.TemporaryDirectory() as folder:
        clients(python, folder)
        collect("pyjwt", [python, HERE / "tokens.py", binary()], CLIENT_MAX_S)
        with Up(f"{folder}/later", SECOND_DAY) as up:
            written_chain(up, folder, "second")
        optopsy(python, folder)
    finish()


if __name__ == "__main__":
    main()
