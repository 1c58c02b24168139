#!/usr/bin/env python3
"""`GET /openapi.json` against the edge that it describes: its own examples, then what schemathesis makes of it.

Needs IBMESH_BIN, the path of a built `ibmesh`. Installs the pinned schemathesis into a venv of its own. Whatever is missing is a
failure. Fails on a server error, an undeclared status, media type or header, and on a body unlike its schema. Exits with 0 when
every check has passed.
"""

import json
import os
import re
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from checks import finish, told
from installed import python_with
from up import Up, binary

HERE = Path(__file__).resolve().parent

COMMITTED = HERE.parents[1] / "schemas" / "openapi.json"
ANSWER_MAX_S = 200  # a logout may take 190
READS_MAX_S = 120
COMMANDS_MAX_S = 60
SEED = 6
# A caller that grants a millisecond is answered 504. What is asked while a command has the gateway down is answered 503.
READS = ["2xx", "4xx", "504"]
COMMANDS = [*READS, "503"]
# In an order that leaves the gateway as it was.
ORDER = ["restart-workers", "logout", "login", "ensure-ready", "reconnect"]

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method, url, body=None, accept="*/*", headers=None):
    """Status, media type and text, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Accept": accept, "Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, method=method.upper(), headers=headers)
    try:
        with opener.open(request, timeout=ANSWER_MAX_S) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read().decode()


def operations(document):
    found = [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items() if method in ("get", "post")]
    rank = {path: at for at, name in enumerate(ORDER) for path, _, _ in found if path.endswith(name)}
    return sorted(found, key=lambda each: rank.get(each[0], -1))


def example(operation, place, every):
    parameters = [p for p in operation.get("parameters", []) if p["in"] == place and "example" in p and (every or p["required"])]
    return {p["name"]: p["example"] for p in parameters}


def url(edge, path, operation, every):
    for name, value in example(operation, "path", True).items():
        path = path.replace("{%s}" % name, urllib.parse.quote(str(value)))
    text = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in example(operation, "query", every).items()}
    return edge + path + ("?" + urllib.parse.urlencode(text) if text else "")


def examples(edge, document):
    """Every example is a request that is answered 200, with and without what may be left out."""
    for path, method, operation in operations(document):
        if path == "/gateway/events":
            continue
        declared = set(operation["responses"]["200"]["content"])
        for every in [False, True]:
            posted = operation.get("requestBody") if every else None
            body = posted["content"]["application/json"]["example"] if posted else None
            status, kind, text = ask(method, url(edge, path, operation, every and not posted), body)
            good = status == 200 and kind in declared
            told(f"example: {method} {path}{' with everything' if every else ''}", None if good else f"{status} {kind}: {text[:500]}")


def variants(edge, document):
    chain = url(edge, "/options/chain/{symbol}/{expiration}", document["paths"]["/options/chain/{symbol}/{expiration}"]["get"], False)
    status, kind, text = ask("get", chain + "?format=optopsy-csv")
    header = document["paths"]["/options/chain/{symbol}/{expiration}"]["get"]["responses"]["200"]["content"]["text/csv"]["example"]
    told("a chain as CSV", None if (status, kind) == (200, "text/csv") and text.startswith(header) else f"{status} {kind}: {text[:300]}")
    status, kind, text = ask("get", chain + "?limit=4&max_age=0", accept="text/event-stream")
    good = (status, kind) == (200, "text/event-stream") and "event: result\n" in text
    told("a chain as events", None if good else f"{status} {kind}: {text[:300]}")
    status, kind, text = ask("get", chain, accept="text/event-stream", headers={"Last-Event-ID": "x"})
    told("an EventSource that comes back", None if (status, text) == (204, "") else f"{status}: {text[:300]}")
    with opener.open(edge + "/gateway/events", timeout=ANSWER_MAX_S) as stream:
        kind, first = stream.headers.get_content_type(), stream.readline().decode()
    told("the gateway's events", None if (kind, first) == ("text/event-stream", "event: state\n") else f"{kind}: {first}")


def schemathesis(python, edge, folder, name, seconds, statuses, *which):
    settings = Path(folder, f"{name}.toml")
    # Not every symbol exists and not every pair of limits makes sense: a good shape may be refused.
    settings.write_text(f"[checks]\nnot_a_server_error.expected-statuses = {json.dumps(statuses)}\npositive_data_acceptance.enabled = false\n")
    command = [python.parent / "schemathesis", "--config-file", settings, "run", f"{edge}/openapi.json", *which]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--max-time", str(seconds), "--seed", str(SEED)]
    command += ["--generation-database", "none", "--request-timeout", str(ANSWER_MAX_S), "--no-color"]
    environment = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
    ended = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=3 * seconds + ANSWER_MAX_S, check=False, env=environment, cwd=folder
    )
    cases = next(iter(re.findall(r"\d+ generated.*", ended.stdout)), "")
    told(f"schemathesis: {name}: {cases}", None if ended.returncode == 0 and cases else f"exit code {ended.returncode}\n{ended.stdout[-20000:]}{ended.stderr[-2000:]}")


def main():
    binary()
    python = python_with("openapi", HERE / "requirements-openapi.txt")
    # Every case is another call of one caller.
    with tempfile.TemporaryDirectory() as folder, Up(f"{folder}/stack", "open", settings={"EDGE_RATE_PER_S": "0"}) as up:
        edge = up.edge
        status, _, text = ask("get", edge + "/openapi.json")
        document = json.loads(text)
        told("it is the committed document", None if status == 200 and document == json.loads(COMMITTED.read_text()) else "it differs")
        examples(edge, document)
        variants(edge, document)
        # Endless: read above.
        schemathesis(python, edge, folder, "reads", READS_MAX_S, READS, "--include-method", "GET", "--exclude-path", "/gateway/events")
        schemathesis(python, edge, folder, "commands", COMMANDS_MAX_S, COMMANDS, "--include-method", "POST")
    finish()


if __name__ == "__main__":
    main()
