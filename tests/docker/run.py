#!/usr/bin/env python3
"""The shipped compose files on a real Docker engine.

    IBMESH_BIN=target/release/ibmesh python3 tests/docker/run.py [WORD ...]
    python3 tests/docker/run.py --builder

Needs root, and IBMESH_BIN, the path of a built `ibmesh`; the rest it installs and makes itself (engine.py). Whatever is missing is a
failure: nothing is skipped. Words choose the checks whose names hold one of them. With --builder the image is built by the
Dockerfile's own builder stage, and the checks are those of the stack as it is shipped. Ends what it has started, and first of
all what a run that died has left. Exits with 0 when every check has passed.

README.md beside this file says which fault of a gateway is held by which check.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checks
import control
import gateways
import losses
from engine import PROJECT, Engine, bases, clean, install, rust
from stack import ROOT, Stack, docker

BUILD_MAX_S = 7200
results = []


def told(name, problem=None):
    results.append(problem is None)
    print(f"FAIL  {name}: {problem}" if problem else f"ok    {name}", flush=True)
    return problem is None


def image(binary):
    """The shipped image under the name of the compose file: around the binary that was built outside, or built in Docker."""
    if binary:
        inside = ROOT / "deploy" / "bin" / "ibmesh"
        inside.parent.mkdir(exist_ok=True)
        shutil.copy(binary, inside)
    stack = Stack(settings={"IBMESH_FROM": "outside" if binary else "builder"})
    before = docker("image", "ls", "-q", stack.image).stdout.strip()
    stack.compose("build", "provision", timeout=BUILD_MAX_S)
    if before and before != docker("image", "ls", "-q", stack.image).stdout.strip():
        docker("image", "rm", before, check=False)


def nats_server():
    """The pinned server's file, which the tests of its crate fetch."""
    given = os.environ.get("NATS_SERVER_BIN")
    if given:
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ib-mesh"
    found = sorted(cache.glob("nats-server-*[0-9]"))
    if not found:
        subprocess.run(["cargo", "test", "-p", "nats-local"], cwd=ROOT, timeout=BUILD_MAX_S, check=True)
        found = sorted(cache.glob("nats-server-*[0-9]"))
    return found[-1] if found else sys.exit(f"no nats-server in {cache}; set NATS_SERVER_BIN")


def judge(check, stack):
    begun = time.monotonic()
    label = f"{check.__name__.replace('_', ' ')} ({{:.1f}} s)"
    try:
        if hasattr(stack, "settle"):
            stack.settle()
        check(stack)
        return told(label.format(time.monotonic() - begun))
    except (AssertionError, SystemExit) as failure:
        return told(label.format(time.monotonic() - begun), failure)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return told(label.format(time.monotonic() - begun), traceback.format_exc(limit=4))


def with_testcontainers(_stack):
    """tests/docker/main.rs, on the same images."""
    command = ["cargo", "test", "--workspace", "--test", "docker", "--", "--ignored"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_MAX_S, check=False)
    print(ended.stdout, flush=True)
    assert ended.returncode == 0 and " 0 passed" not in ended.stdout, ended.stderr[-3000:]


def on(stack, found):
    """The checks of a stack, one after the other."""
    stack.down()
    try:
        begun = time.monotonic()
        stack.up()
        for check in found:
            judge(check, stack) or print(stack.logs(), flush=True)
            if check is checks.comes_up_whole:
                print(f"      from nothing to a whole stack: {time.monotonic() - begun:.1f} s", flush=True)
    except (AssertionError, SystemExit, OSError, subprocess.SubprocessError) as failure:
        told(f"the stack {stack.name} comes up", failure)
    finally:
        try:
            stack.down()
        except SystemExit as failure:
            told(f"the stack {stack.name} ends", failure)


def lanes(engine, words):
    """What runs side by side, and what has to run alone after it."""

    def chosen(found):
        return [check for check in found if not words or any(word in check.__name__ for word in words)]

    def stack(make, found):
        return (lambda: on(make(), found)) if found else None

    def each(found):
        return (lambda: [judge(check, None) for check in found]) if found else None

    side_by_side = [
        stack(lambda: control.Control("lost", engine), chosen(losses.LOST)),
        stack(lambda: control.Control("taken", engine), chosen(losses.TAKEN)),
        stack(lambda: control.Control("silent", engine), chosen(losses.SILENT)),
        stack(Stack, chosen(checks.CHECKS)),
        each(chosen(gateways.CHECKS)),
        each(chosen([with_testcontainers])),
    ]
    alone = [stack(lambda: control.Control("engine", engine), chosen(losses.ENGINE))]
    return [lane for lane in side_by_side if lane], [lane for lane in alone if lane]


def main():
    if os.geteuid() != 0:
        sys.exit("tests/docker needs root: it installs packages and starts a Docker engine")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    words = [word for word in sys.argv[1:] if word != "--builder"]
    is_builder = "--builder" in sys.argv[1:]
    binary = None if is_builder else Path(os.environ.get("IBMESH_BIN") or sys.exit("IBMESH_BIN must name a built ibmesh"))
    began = time.monotonic()
    install()
    with Engine() as engine:
        clean()
        bases(nats_server())
        if is_builder:
            rust()
        begun = time.monotonic()
        image(binary)
        print(f"the image after {time.monotonic() - begun:.0f} s, with engine and base images {time.monotonic() - began:.0f} s", flush=True)
        side_by_side, alone = ([lambda: on(Stack(), checks.CHECKS)], []) if is_builder else lanes(engine, words)
        try:
            with ThreadPoolExecutor(max_workers=len(side_by_side) or 1) as pool:
                for ended in [pool.submit(lane) for lane in side_by_side]:
                    ended.result()
            for lane in alone:
                lane()
        except (KeyboardInterrupt, SystemExit):
            # The lanes' threads would go on to the end of their checks.
            clean()
            engine.end()
            os._exit(1)
        clean()
    print(f"tests/docker ({PROJECT}): {results.count(True)} passed, {results.count(False)} failed, {time.monotonic() - began:.0f} s", flush=True)
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
