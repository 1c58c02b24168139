"""Other gateways than the simulator of the stack: the real one's image, played by ours, and one on this host."""

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from checks import PREDECESSOR, READY_MAX_S, predecessor
from engine import DEBIAN, ENVIRONMENT, run
from stack import ROOT, WITH_IB, Stack, docker, eventually, free_port, inspect

# What of the real image the shipped start script touches: its user, its folders, IBC's template, the script that it ends in.
# Behind the real script's name is the simulator, with the ports and the log lines of the real thing.
IMAGE = "ib-mesh-ci/gateway:played"
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
touch "$TWS_SETTINGS_PATH/jts.ini"
printenv TWS_USERID TWS_PASSWORD VNC_SERVER_PASSWORD TWOFA_TIMEOUT_ACTION READ_ONLY_API >"$TWS_SETTINGS_PATH/seen"
! printenv IB_PASSWORD
port=$(sed -n 's/^CommandServerPort=//p' "$IBC_INI_TMPL")
exec ibmesh sim --bind 0.0.0.0:4004 --container-face --command-host 0.0.0.0 --command-port "$port"
"""


@contextmanager
def played(**settings):
    """The stack with docker-compose.ib.yml on top, our image under the gateway's name."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text(DOCKERFILE)
        (Path(folder) / "config.ini.tmpl").write_text(TEMPLATE)
        (Path(folder) / "run.sh").write_text(RUN)
        (Path(folder) / "run.sh").chmod(0o755)
        (Path(folder) / "ibmesh").write_bytes((ROOT / "deploy" / "bin" / "ibmesh").read_bytes())
        (Path(folder) / "ibmesh").chmod(0o755)
        run("docker", "build", "-t", IMAGE, folder, timeout=300)
    stack = Stack({"IB_GATEWAY_IMAGE": IMAGE, "EDGE_TOKENS_FILE": "/dev/null", "EDGE_AUTH": "none", **settings}, WITH_IB)
    stack.down()
    try:
        yield stack
    finally:
        stack.down()


def a_predecessors_env_file_runs_the_real_gateways_image(_):
    with played(**predecessor(PREDECESSOR)) as stack:
        stack.up("provision", "nats", "edge", "worker", "options", "gateway")
        try:
            eventually("three workers and options on the gateway's image", stack.is_whole, READY_MAX_S)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{stack.logs()}") from failure
        assert stack.health()["ib_host"] == "ibgateway", stack.health()
        gateway = stack.container("gateway")
        said = docker("exec", gateway, "cat", "/home/ibgateway/tws_settings/seen").stdout
        assert said == "somebody\nse$cret\\\\word\nvnc\nrestart\nno\n", said
        template = docker("exec", gateway, "cat", "/home/ibgateway/ibc/config.ini.tmpl").stdout
        wanted = "ControlFrom=mcp-ib-gateway-ctl-paper.mcp-ib-paper-net\n"
        assert "CommandServerPort=7462\n" in template and wanted in template, template
        # Again from the same container: the template is changed already.
        docker("restart", "-t", "20", gateway)
        eventually("the fleet after a restart of the container", stack.is_whole, READY_MAX_S)


def the_gateway_knows_gateway_ctl_by_name(_):
    """What IBC compares with ControlFrom is the name that the sender's address resolves to."""
    with played(IB_USERNAME="somebody", IB_PASSWORD="x") as stack:
        stack.up("provision", "gateway")
        name = "mcp-ib-gateway-ctl-paper"
        docker("run", "-d", "--rm", "--name", name, "--network", "mcp-ib-paper-net", DEBIAN, "sleep", "120")
        try:
            address = inspect(name)["NetworkSettings"]["Networks"]["mcp-ib-paper-net"]["IPAddress"]
            resolved = docker("exec", stack.container("gateway"), "getent", "hosts", address).stdout.split()
        finally:
            docker("kill", name, check=False)
        assert resolved[1:] == [f"{name}.mcp-ib-paper-net"], resolved


def contradictions_and_unreadable_secrets_are_told(_):
    cases = [
        ({}, "set IB_USERNAME"),
        ({"IB_USERNAME": "a", "TWS_USERID": "b"}, "TWS_USERID and IB_USERNAME differ"),
        ({"IB_USERNAME": "a"}, "set IB_PASSWORD_FILE"),
    ]
    with tempfile.NamedTemporaryFile() as secret:  # 0600 and root's
        for settings, wanted in [*cases, ({"IB_USERNAME": "a", "IB_PASSWORD_FILE": secret.name}, "chown 1000")]:
            with played(**settings) as stack:
                stack.up("provision", "gateway")
                gateway = stack.container("gateway")
                ended = docker("wait", gateway).stdout.strip()
                said = docker("logs", gateway).stderr
                assert ended == "78" and wanted in said, f"{settings}: {ended} {said}"


def a_password_file_is_taken(_):
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "password"
        Path(folder).chmod(0o755)
        secret.write_text("from a file\n")
        secret.chmod(0o444)
        with played(IB_USERNAME="a", IB_PASSWORD_FILE=str(secret)) as stack:
            stack.up("provision", "gateway")
            seen = ["exec", stack.container("gateway"), "cat", "/home/ibgateway/tws_settings/seen"]
            said = eventually("the gateway to start", lambda: docker(*seen, check=False).stdout, READY_MAX_S)
            assert said.splitlines()[:2] == ["a", "from a file"], said


def tws_on_this_host_is_reached(_):
    """`IB_HOST=host.docker.internal` and no gateway of the stack's own: what TWS on the host needs."""
    port = free_port()
    binary = ROOT / "deploy" / "bin" / "ibmesh"
    command = [binary, "sim", "--bind", f"0.0.0.0:{port}"]
    host = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    stack = Stack({"IB_HOST": "host.docker.internal", "IB_PORT": str(port)})
    stack.down()
    try:
        stack.up("--scale", "gateway=0", "provision", "nats", "edge", "worker", "options", "gateway")
        eventually("three workers and options on the gateway of this host", stack.is_whole, READY_MAX_S)
        assert stack.containers("gateway") == [], "the stack has a gateway of its own"
        said = stack.health()
        assert (said["ib_host"], said["ib_port"], said["mode"]) == ("host.docker.internal", str(port), "simulated"), said
    finally:
        stack.down()
        host.terminate()
        host.wait(timeout=30)


CHECKS = [
    a_predecessors_env_file_runs_the_real_gateways_image,
    the_gateway_knows_gateway_ctl_by_name,
    contradictions_and_unreadable_secrets_are_told,
    a_password_file_is_taken,
    tws_on_this_host_is_reached,
]
