"""Other gateways than the simulator of the stack: the real one's image, played by ours, and one on this host."""

import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from checks import PREDECESSOR, READY_MAX_S, predecessor
from control import request
from engine import DEBIAN, ENVIRONMENT, PROJECT, run
from stack import ROOT, WITH_IB, Stack, docker, eventually, free_port, inspect

# What of the real image the shipped start script touches: its user, its folders, IBC's template, the script that it ends in.
# Behind the real script's name is the simulator, with the ports and the log lines of the real thing.
IMAGE = f"{PROJECT}/gateway:played"
DOCKERFILE = f"""FROM {DEBIAN}
COPY ibmesh /usr/local/bin/ibmesh
RUN useradd --uid 1000 --create-home ibgateway
COPY --chown=1000:1000 config.ini.tmpl /home/ibgateway/ibc/config.ini.tmpl
COPY --chown=1000:1000 run.sh /home/ibgateway/scripts/run.sh
ENV HOME=/home/ibgateway IBC_INI_TMPL=/home/ibgateway/ibc/config.ini.tmpl SCRIPT_PATH=/home/ibgateway/scripts
USER 1000:1000
CMD ["/home/ibgateway/scripts/run.sh"]
"""
TEMPLATE = "IbLoginId=${TWS_USERID}\nIbPassword=${TWS_PASSWORD}\nCommandServerPort=0\nControlFrom=\n"
RUN = """#!/bin/bash
set -eu
touch "$TWS_SETTINGS_PATH/jts.ini" || true
printenv TWS_USERID TWS_PASSWORD VNC_SERVER_PASSWORD TWOFA_TIMEOUT_ACTION READ_ONLY_API >"$TWS_SETTINGS_PATH/seen" || true
! printenv IB_PASSWORD
port=$(sed -n 's/^CommandServerPort=//p' "$IBC_INI_TMPL")
exec ibmesh sim --bind 0.0.0.0:4004 --container-face --command-host 0.0.0.0 --command-port "$port"
"""


@cache
def image():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text(DOCKERFILE)
        (Path(folder) / "config.ini.tmpl").write_text(TEMPLATE)
        (Path(folder) / "run.sh").write_text(RUN)
        (Path(folder) / "run.sh").chmod(0o755)
        (Path(folder) / "ibmesh").write_bytes((ROOT / "deploy" / "bin" / "ibmesh").read_bytes())
        (Path(folder) / "ibmesh").chmod(0o755)
        run("docker", "build", "-t", IMAGE, folder, timeout=300)
    return IMAGE


@contextmanager
def played(name, **settings):
    """The stack with docker-compose.ib.yml on top, our image under the gateway's name."""
    stack = Stack(name, {"IB_GATEWAY_IMAGE": image(), "EDGE_TOKENS_FILE": "/dev/null", "EDGE_AUTH": "none", **settings}, WITH_IB)
    stack.down()
    try:
        yield stack
    except AssertionError as failure:
        raise AssertionError(f"{failure}\n{stack.logs()}") from failure
    finally:
        stack.down()


def is_controlled(stack, workers=3):
    try:
        said = request("GET", f"{stack.edge}/gateway/status")[1]
    except (OSError, ValueError):
        return False
    return said.get("state") == "CONNECTED" and stack.is_whole(workers)


def lines(stack):
    """Of the diagnosis, by name."""
    return {line["check"]: line for line in request("GET", f"{stack.edge}/gateway/diagnose")[1]["layers"]}


def a_predecessors_env_file_runs_the_real_gateways_image(_):
    """And gateway-ctl controls it: nothing of the set-up is missing to it, and what the gateway has saved outlives its container."""
    with played("seed", **predecessor(PREDECESSOR)) as stack:
        stack.up()
        eventually("the gateway's image connected, three workers and options on it", lambda: is_controlled(stack), READY_MAX_S)
        assert stack.health()["ib_host"] == "ibgateway", stack.health()
        assert seen(stack) == ["somebody", "se$cret\\\\word", "vnc", "restart", "no"], seen(stack)
        template = docker("exec", stack.gateway_name, "cat", "/home/ibgateway/ibc/config.ini.tmpl").stdout
        wanted = f"ControlFrom=mcp-ib-gateway-ctl-seed.{stack.network}\n"
        assert "CommandServerPort=7462\n" in template and wanted in template, template
        told = lines(stack)
        assert told["settings volume"]["status"] == "pass", told["settings volume"]
        failed = [line for line in told.values() if line["status"] == "fail"]
        assert not failed, failed
        docker("exec", stack.gateway_name, "sh", "-c", "echo changed-by-a-person >>/home/ibgateway/tws_settings/jts.ini")
        assert request("POST", f"{stack.edge}/gateway/logout", {})[0] == 200
        assert inspect(stack.gateway_name)["State"]["ExitCode"] == 0, "the gateway was not closed by IBC's STOP"
        # The same container: its template is changed already.
        assert request("POST", f"{stack.edge}/gateway/login", {})[0] == 200
        eventually("the same container again", lambda: is_controlled(stack), READY_MAX_S)
        assert request("POST", f"{stack.edge}/gateway/logout", {})[0] == 200
        stack.compose("up", "--no-start", "--force-recreate", "--no-deps", "gateway")
        assert request("POST", f"{stack.edge}/gateway/login", {})[0] == 200
        eventually("a new container", lambda: is_controlled(stack), READY_MAX_S)
        kept = docker("exec", stack.gateway_name, "cat", "/home/ibgateway/tws_settings/jts.ini").stdout
        assert "changed-by-a-person" in kept, kept
        # The documented reinstall.
        assert request("POST", f"{stack.edge}/gateway/logout", {})[0] == 200
        stack.compose("rm", "-sf", "gateway", "provision")
        docker("volume", "rm", f"{stack.project}_gateway-settings")
        stack.up()
        assert request("POST", f"{stack.edge}/gateway/login", {})[0] == 200
        eventually("the gateway on an empty volume", lambda: is_controlled(stack), READY_MAX_S)
        kept = docker("exec", stack.gateway_name, "cat", "/home/ibgateway/tws_settings/jts.ini").stdout
        assert "changed-by-a-person" not in kept, kept


def seen(stack):
    return docker("exec", stack.gateway_name, "cat", "/home/ibgateway/tws_settings/seen", check=False).stdout.splitlines()


def a_volume_that_cannot_be_written_is_told(_):
    """F56: the gateway starts all the same, and the diagnosis warns. The first start, on an empty volume, is the check above."""
    with played("stuck", IB_USERNAME="somebody", IB_PASSWORD="x") as stack:
        stack.files = [*WITH_IB, "tests/docker/read-only-settings.yml"]
        stack.up()
        eventually("connected", lambda: is_controlled(stack), READY_MAX_S)
        line = lines(stack)["settings volume"]
        assert line["status"] == "warn" and "read-only" in line["detail"], line
        assert "cannot be written" in docker("logs", stack.gateway_name).stderr


def the_gateway_knows_gateway_ctl_by_name(_):
    """What IBC compares with ControlFrom is the name that the sender's address resolves to."""
    with played("name", IB_USERNAME="somebody", IB_PASSWORD="x") as stack:
        stack.up("--no-deps", "provision", "gateway-ctl", "gateway")
        address = stack.address("gateway-ctl")
        resolved = docker("exec", stack.gateway_name, "getent", "hosts", address).stdout.split()
        assert resolved[1:] == [f"mcp-ib-gateway-ctl-name.{stack.network}"], resolved


def contradictions_and_unreadable_secrets_are_told(_):
    cases = [
        ({}, "set IB_USERNAME"),
        ({"IB_USERNAME": "a", "TWS_USERID": "b"}, "TWS_USERID and IB_USERNAME differ"),
        ({"IB_USERNAME": "a"}, "set IB_PASSWORD_FILE"),
    ]
    with tempfile.NamedTemporaryFile() as secret, played("told") as stack:  # 0600 and root's
        of_the_stack = dict(stack.settings)
        for settings, wanted in [*cases, ({"IB_USERNAME": "a", "IB_PASSWORD_FILE": secret.name}, "chown 1000")]:
            stack.settings = {**of_the_stack, **settings}
            ended = stack.compose("run", "--rm", "-T", "--no-deps", "gateway", check=False)
            assert ended.returncode == 78 and wanted in ended.stderr, f"{settings}: {ended.returncode} {ended.stderr}"


def a_password_file_is_taken(_):
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "password"
        Path(folder).chmod(0o755)
        secret.write_text("from a file\n")
        secret.chmod(0o444)
        with played("file", IB_USERNAME="a", IB_PASSWORD_FILE=str(secret)) as stack:
            stack.up("provision", "nats", "gateway-ctl", "docker-proxy", "edge", "gateway")
            said = eventually("the gateway to start", lambda: seen(stack), READY_MAX_S)
            assert said[:2] == ["a", "from a file"], said
            told = eventually("a diagnosis", lambda: is_diagnosed(stack), READY_MAX_S)
            assert told.get("variables", {"status": "pass"})["status"] == "pass", told["variables"]


def is_diagnosed(stack):
    try:
        told = lines(stack)
    except (OSError, KeyError, ValueError):
        return None
    return told if "image" in told else None


def tws_on_this_host_is_reached(_):
    """`IB_HOST=host.docker.internal` and no gateway of the stack's own: what TWS on the host needs."""
    port = free_port()
    binary = ROOT / "deploy" / "bin" / "ibmesh"
    command = [binary, "sim", "--bind", f"0.0.0.0:{port}"]
    host = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    stack = Stack("host", {"IB_HOST": "host.docker.internal", "IB_PORT": str(port), "GATEWAY_BACKEND": "external", "IB_POOL_SIZE": "2"})
    stack.down()
    try:
        stack.up("--scale", "gateway=0")
        eventually("the gateway of this host, two workers and options on it", lambda: is_controlled(stack, 2), READY_MAX_S)
        code, said = request("POST", f"{stack.edge}/gateway/logout", {})
        assert (code, said["success"], said["code"]) == (501, False, "unsupported"), (code, said)
        assert stack.containers("gateway") == [], "the stack has a gateway of its own"
        said = stack.health()
        assert (said["ib_host"], said["ib_port"], said["mode"]) == ("host.docker.internal", str(port), "simulated"), said
    finally:
        stack.down()
        host.terminate()
        host.wait(timeout=30)


CHECKS = [
    a_predecessors_env_file_runs_the_real_gateways_image,
    a_volume_that_cannot_be_written_is_told,
    the_gateway_knows_gateway_ctl_by_name,
    contradictions_and_unreadable_secrets_are_told,
    a_password_file_is_taken,
    tws_on_this_host_is_reached,
]
