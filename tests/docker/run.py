#!/usr/bin/env python3
"""The shipped compose files on a real Docker engine.

Needs root, and IBMESH_BIN, the path of a built `ibmesh`; the rest it installs and makes itself (engine.py). Whatever is missing is a
failure: nothing is skipped. Ends what it has started. Exits with 0 when every check has passed.
"""

import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

import checks
import control
import gateways
from engine import Engine, bases, install
from stack import PROJECT, ROOT, Stack, docker

BUILD_MAX_S = 3600
results = []


def told(name, problem=None):
    results.append(problem is None)
    print(f"FAIL  {name}: {problem}" if problem else f"ok    {name}", flush=True)


def image(binary):
    """The shipped image around the binary that was built outside, under the name of the compose file."""
    inside = ROOT / "deploy" / "bin" / "ibmesh"
    inside.parent.mkdir(exist_ok=True)
    shutil.copy(binary, inside)
    stack = Stack()
    stack.compose("build", "provision", timeout=BUILD_MAX_S)


def nats_server():
    """The pinned server's file, which the tests of the workspace have fetched; fetched by `ibmesh up` otherwise."""
    given = os.environ.get("NATS_SERVER_BIN")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ib-mesh"
    found = [Path(given)] if given else sorted(cache.glob("nats-server-*[0-9]"))
    if not found or not found[-1].is_file():
        sys.exit(f"no nats-server in {cache}; run `cargo test -p nats-local` or set NATS_SERVER_BIN")
    return found[-1]


def judge(check, stack):
    begun = time.monotonic()
    label = f"{check.__name__.replace('_', ' ')} ({{:.1f}} s)"
    try:
        if hasattr(stack, "settle"):
            stack.settle()
        check(stack)
        told(label.format(time.monotonic() - begun))
    except (AssertionError, SystemExit) as failure:
        told(label.format(time.monotonic() - begun), failure)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        told(label.format(time.monotonic() - begun), traceback.format_exc(limit=4))


def with_testcontainers(_stack):
    """tests/docker/main.rs, on the same images."""
    command = ["cargo", "test", "--workspace", "--test", "docker", "--", "--ignored", "--test-threads", "1"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_MAX_S, check=False)
    print(ended.stdout, flush=True)
    assert ended.returncode == 0 and " 0 passed" not in ended.stdout, ended.stderr[-3000:]


def main():
    if os.geteuid() != 0:
        sys.exit("tests/docker needs root: it installs packages and starts a Docker engine")
    binary = Path(os.environ.get("IBMESH_BIN") or sys.exit("IBMESH_BIN must name a built ibmesh"))
    began = time.monotonic()
    install()
    with Engine() as engine:
        bases(nats_server())
        image(binary)
        print(f"engine and images after {time.monotonic() - began:.0f} s", flush=True)
        stack = Stack()
        stack.down()
        try:
            begun = time.monotonic()
            stack.up()
            for check in checks.CHECKS:
                judge(check, stack)
                if check is checks.comes_up_whole:
                    print(f"      from nothing to a whole stack: {time.monotonic() - begun:.1f} s", flush=True)
            if not all(results):
                print(stack.logs())
        finally:
            stack.down()
        for check in gateways.CHECKS:
            judge(check, None)
        judge(with_testcontainers, None)
        stack = control.Control(engine)
        stack.down()
        try:
            stack.up()
            for check in control.CHECKS:
                judge(check, stack)
            if not all(results):
                print(stack.logs())
        finally:
            stack.down()
        docker("image", "prune", "-f")
    print(f"tests/docker ({PROJECT}): {results.count(True)} passed, {results.count(False)} failed, {time.monotonic() - began:.0f} s", flush=True)
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
