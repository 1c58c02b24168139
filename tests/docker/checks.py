"""What must hold of the stack that runs with nothing but the simulator."""

import json
import re
import tempfile
import time
from pathlib import Path

from engine import DEBIAN, run
from stack import POLL_S, ROOT, TAG, WITH_IB, Nats, Stack, docker, eventually, http_status, inspect, shell

SEED_CURLS = ROOT / "tests" / "data" / "seed-curls.txt"
# Settings that a container cannot use, or has from the compose files alone.
NOT_IN_CONTAINERS = {"NATS_URL", "NATS_CREDS_FILE", "IBKR_MODE", "EDGE_BIND", "SERVER_HOST", "SERVER_PORT", "ADMIN_BIND"}
NOT_IN_CONTAINERS |= {"GATEWAY_CONTAINER", "DOCKER_HOST", "GATEWAY_EXEC", "GATEWAY_PROCESS", "GATEWAY_YIELD_FILE", "EDGE_CONFORMANCE"}
USER = "10001:10001"
READY_MAX_S = 90
STOP_MAX_S = 40
PREDECESSOR = """IB_USERNAME=somebody
IB_PASSWORD=se$cret\\word
TRADING_MODE=paper
READ_ONLY_API=no
VNC_PASSWORD=vnc
VNC_SERVER_PASSWORD=vnc
IB_HOST=ibgateway
IB_PORT=4004
IB_CLIENT_ID=1
IB_READONLY=true
TWOFA_TIMEOUT_ACTION=restart
"""


def predecessor(environment=PREDECESSOR):
    """Seed 001's file as its own commands read it: `set -a && source FILE`."""
    return dict(line.split("=", 1) for line in environment.splitlines())


def files_are_read(_stack):
    stack = Stack(settings={"EDGE_TOKENS_FILE": "/dev/null"}, files=WITH_IB)
    real = stack.compose("config").stdout
    assert "ghcr.io/gnzsnz/ib-gateway" in real and "gateway-settings:/home/ibgateway/tws_settings" in real, real
    without = Stack(files=WITH_IB).compose("config", check=False)
    assert without.returncode != 0 and "EDGE_TOKENS_FILE" in without.stderr, without.stderr
    for line in Path(ROOT / "docker-compose.yml").read_text().splitlines():
        assert not re.match(r"(name|include):", line), f"compose 1.29 does not know {line!r}"


def documented_settings_have_an_effect(_stack):
    """Whoever puts a line of .env.example into .env finds it in a container."""
    composed = "".join((ROOT / name).read_text() for name in WITH_IB)
    listed = {line.lstrip("#").split("=")[0] for line in (ROOT / ".env.example").read_text().splitlines() if re.match(r"#?[A-Z_]+=", line)}
    unknown = {name for name in listed - NOT_IN_CONTAINERS if f"${{{name}:" not in composed}
    assert not unknown, f"not in the compose files: {sorted(unknown)}"


def message_server_accepts_its_configuration(stack):
    checked = stack.compose("run", "--rm", "-T", "--no-deps", "nats", "-c", "/etc/nats/nats.conf", "-t", check=False)
    assert checked.returncode == 0 and "valid" in checked.stdout + checked.stderr, checked.stdout + checked.stderr


def comes_up_whole(stack):
    eventually("three workers and options connected, /health healthy", stack.is_whole, READY_MAX_S)
    said = stack.health()
    assert (said["service"], said["ib_host"], said["ib_port"]) == ("ib-paper", "ibgateway-paper", "4004"), said


def nobody_is_refused_by_the_message_server(stack):
    lines = stack.compose("logs", "--no-color", "nats").stdout.splitlines()
    # The reader has tried, above, what a reader may not.
    refused = [line for line in lines if "Violation" in line and "user:reader" not in line]
    assert not refused, "\n".join(refused[:20])


def containers_are_healthy(stack):
    def unhealthy():
        found = []
        for service in stack.services():
            for container in stack.containers(service):
                health = inspect(container)["State"].get("Health")
                if health and health["Status"] != "healthy":
                    found.append(f"{service}: {health['Status']} {json.dumps(health['Log'][-1:])}")
        return found

    deadline = time.monotonic() + READY_MAX_S
    while (found := unhealthy()) and time.monotonic() < deadline:
        time.sleep(POLL_S * 5)
    assert not found, "\n".join(found)


def containers_can_do_little(stack):
    """Nobody is root but the proxy of Docker's socket, nothing can be written beside volumes, nothing is published beyond loopback."""
    for service in stack.services():
        for container in stack.containers(service):
            seen = inspect(container)
            host = seen["HostConfig"]
            assert seen["Config"]["User"] == ("0:0" if service == "docker-proxy" else USER), (service, seen["Config"]["User"])
            assert host["ReadonlyRootfs"], f"{service} can write its file system"
            assert not host["Privileged"] and host["PidMode"] != "host" and host["NetworkMode"] != "host", service
            if service != "gateway":
                assert host["CapDrop"] == ["ALL"] and "no-new-privileges:true" in host["SecurityOpt"], service
            for ports in (host["PortBindings"] or {}).values():
                assert all(port["HostIp"] == "127.0.0.1" for port in ports), (service, ports)
            sockets = [mount["Source"] for mount in seen["Mounts"] if mount["Source"].endswith("docker.sock")]
            assert bool(sockets) == (service == "docker-proxy"), (service, sockets)
    gateway = inspect(stack.container("gateway"))
    assert gateway["Name"] == "/mcp-ib-gateway-paper" and gateway["HostConfig"]["RestartPolicy"]["Name"] == "no", gateway["Name"]
    network = gateway["NetworkSettings"]["Networks"]["mcp-ib-paper-net"]
    assert {"ibgateway", "ibgateway-paper"} <= set(network["Aliases"]), network["Aliases"]
    assert inspect(stack.container("edge"))["Name"] == "/mcp-ib-paper"


def documented_curls_answer(stack):
    """Seeds 000 to 002, word for word but for the port where 48012 or 9090 is not ours."""
    blocks = [block.split("\n", 1) for block in SEED_CURLS.read_text().split("\n\n") if "\ncurl " in block]
    assert blocks, f"{SEED_CURLS} holds no command"
    for title, documented in blocks:
        here = re.sub(r"localhost:(48012|9090)\b", f"localhost:{stack.settings['EDGE_PORT']}", documented.rstrip())
        ended = shell(f"{here} --noproxy '*' --max-time 70 -w '\\n%{{http_code}}'")
        body, _, status = ended.stdout.rpartition("\n")
        answer = json.loads(body)
        result = answer.get("result", {})
        good = status == "200" and "error" not in answer and not result.get("isError") and (result or "status" in answer)
        assert good, f"{title}: {status} {body[:600]}"


def edge_knows_its_names(stack):
    for host, wanted in [("edge:8000", "200"), ("mcp-ib:8000", "200"), ("mcp-ib-paper:8000", "200"), ("evil.example", "403")]:
        seen = http_status("GET", f"{stack.edge}/health", headers={"Host": host})
        assert seen == wanted, f"Host {host}: {seen}"


def message_server_asks_for_a_password(stack):
    assert "Authorization" in (Nats(f"nats://127.0.0.1:{stack.settings['NATS_PORT']}").refused or ""), "anonymous got in"
    reader = Nats(stack.nats_url("reader"))
    assert reader.refused is None, reader.refused
    answer = reader.request("ib.v1.paper.rpc.account.summary")
    assert answer["context"]["mode"] == "simulated", answer
    refused = reader.request("ib.v1.paper.rpc.gateway.logout")
    assert "Permissions Violation" in str(refused), refused


def is_whole_again(stack):
    workers = len(stack.containers("worker"))
    eventually(f"all {workers} workers and options back", lambda: stack.is_whole(workers), READY_MAX_S)


def five_workers_have_five_client_ids(stack):
    stack.up("--no-recreate", "--scale", "worker=5", "worker")
    eventually("five workers connected", lambda: len(stack.client_ids()) == 5, READY_MAX_S)
    ids = stack.client_ids()
    assert len(set(ids)) == 5 and all(10 <= number <= 29 for number in ids), ids


def a_stop_drains(stack):
    """SIGTERM reaches the service as PID 1: it ends by itself, with 0, within its grace."""
    for service in ["worker", "options", "edge", "gateway-ctl"]:
        container = stack.containers(service)[0]
        begun = time.monotonic()
        docker("stop", "-t", str(STOP_MAX_S), container)
        took = time.monotonic() - begun
        code = inspect(container)["State"]["ExitCode"]
        assert code == 0 and took < STOP_MAX_S - 5, f"{service}: exit code {code} after {took:.1f} s"
        docker("start", container)
    is_whole_again(stack)


def a_lost_message_server_comes_back(stack):
    docker("kill", stack.container("nats"))
    docker("start", stack.container("nats"))
    is_whole_again(stack)


def proxy_allows_what_it_must(stack):
    address, own = proxy(stack), f"/containers/{stack.gateway_name}"
    for prefix in ["", "/v1.41", "/v1.24"]:
        for path in ["/_ping", "/version", "/events?until=1", f"{own}/json", f"{own}/logs?stdout=1", f"{own}/top"]:
            seen = http_status("GET", address + prefix + path)
            assert seen == "200", f"GET {prefix}{path}: {seen}"
        seen = http_status("POST", f"{address}{prefix}{own}/start")
        assert seen == "304", f"POST {prefix} start: {seen}"
    seen = http_status("POST", f"{address}/v1.41/containers/mcp-ib-gateway-paper/stop?t=10")
    assert seen == "204", f"stop: {seen}"
    seen = http_status("POST", f"{address}/v1.41/containers/mcp-ib-gateway-paper/start")
    assert seen == "204", f"start: {seen}"
    is_whole_again(stack)


def proxy_refuses_the_rest(stack):
    address, own, other = proxy(stack), "mcp-ib-gateway-paper", inspect(stack.container("nats"))["Name"].strip("/")
    get = ["/info", "/containers/json", "/images/json", "/networks", "/volumes", "/secrets", "/pingx", "/v1x41/version", "/v1.411/version"]
    get += [f"/containers/{own}/{what}" for what in ["top?ps_args=-ef", "changes", "export", "archive?path=/", "stats", "attach/ws"]]
    get += [f"/containers/{other}/json", f"/containers/{other}/logs", f"/containers/{own}x/json", f"/containers/x{own}/json"]
    get += [f"/containers/{own}/../{other}/json", f"//containers/{own}/json", f"/containers/{own}%2fjson", f"/containers/{own}/start"]
    post = ["/containers/create", "/containers/prune", "/build", "/images/create?fromImage=x", "/exec/1/start", "/_ping", "/auth"]
    post += [f"/containers/{own}/{what}" for what in ["exec", "kill", "restart", "pause", "update", "rename?name=x", "attach", "json"]]
    post += [f"/containers/{other}/{what}" for what in ["start", "stop", "kill"]]
    for prefix in ["", "/v1.41"]:
        for method, paths in [("GET", get), ("POST", post)]:
            for path in paths:
                seen = http_status(method, address + prefix + path)
                assert seen == "403", f"{method} {prefix}{path}: {seen}"
    for method, path in [("DELETE", f"/containers/{own}"), ("PUT", f"/containers/{own}/archive"), ("HEAD", "/_ping"), ("OPTIONS", "/_ping")]:
        seen = http_status(method, address + path)
        assert seen == "403", f"{method} {path}: {seen}"
    # What an old API took as the container's new set-up.
    mount = json.dumps({"Binds": ["/:/host"]})
    for headers in [{"Content-Type": "application/json"}, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}]:
        seen = http_status("POST", f"{address}/v1.22/containers/{own}/start", mount, headers)
        assert seen == "403", f"start with a body {headers}: {seen}"


def proxy(stack):
    (network,) = inspect(stack.container("docker-proxy"))["NetworkSettings"]["Networks"].values()
    return f"http://{network['IPAddress']}:2375"


def an_unreadable_secret_is_named_with_the_fix(_stack):
    with tempfile.NamedTemporaryFile() as secret:  # 0600 and root's
        mount = f"{secret.name}:/run/secrets/nats.url:ro"
        ended = run("docker", "run", "--rm", "--network", "none", "-v", mount, "-e", "NATS_URL_FILE=/run/secrets/nats.url", f"ib-mesh:{TAG}", "worker", timeout=60, check=False)
    assert ended.returncode == 2 and "chown 10001" in ended.stderr, f"{ended.returncode}: {ended.stderr}"


def passwords_outlive_the_containers(stack):
    """And one whose line was removed is made anew, as docs/operations.md says."""
    before = {user: stack.nats_url(user) for user in ["reader", "trader"]}
    stack.compose("down", "-t", "10")
    command = ["sed", "-i", "/^READER_PASSWORD/d", "/logins/logins.conf"]
    docker("run", "--rm", "-v", f"{stack.project}_nats-logins:/logins", DEBIAN, *command)
    stack.up()
    eventually("three workers and options again", stack.is_whole, READY_MAX_S)
    after = {user: stack.nats_url(user) for user in before}
    assert after["trader"] == before["trader"] and after["reader"] != before["reader"], "reader alone should have another password"
    documented_curls_answer(stack)


CHECKS = [
    comes_up_whole,
    files_are_read,
    documented_settings_have_an_effect,
    message_server_accepts_its_configuration,
    documented_curls_answer,
    edge_knows_its_names,
    message_server_asks_for_a_password,
    containers_can_do_little,
    containers_are_healthy,
    proxy_refuses_the_rest,
    five_workers_have_five_client_ids,
    proxy_allows_what_it_must,
    a_stop_drains,
    a_lost_message_server_comes_back,
    nobody_is_refused_by_the_message_server,
    an_unreadable_secret_is_named_with_the_fix,
    passwords_outlive_the_containers,
]
