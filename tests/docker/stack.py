"""The compose stack as the checks see it: started, asked, ended."""

import json
import random
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from engine import ENVIRONMENT, PROJECT, run

ROOT = Path(__file__).resolve().parents[2]
# Not `local`: a developer's own image stays what it is.
TAG = "ci"
BASE = ["docker-compose.yml"]
WITH_IB = ["docker-compose.yml", "docker-compose.ib.yml"]
PORTS = {"EDGE_PORT": 48012, "NATS_PORT": 4222, "IB_LIVE_PORT": 14001, "IB_PAPER_PORT": 14002, "VNC_PORT": 15900}
PORT_RANGE = range(20_000, 30_000)
COMMAND_MAX_S = 240
POLL_S = 0.2

LOCK = threading.Lock()
GIVEN = set()

# No proxy of this machine between the checks and its own loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_free(port):
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port():
    """One that no other stack of this run was given, and below those that the system gives to connections."""
    with LOCK:
        found = next(port for port in random.sample(PORT_RANGE, len(PORT_RANGE)) if port not in GIVEN and is_free(port))
        GIVEN.add(found)
        return found


def eventually(what, state, within_s):
    """What `state` returns as soon as that is true; a failure names what was waited for and what was seen last."""
    deadline = time.monotonic() + within_s
    while True:
        seen = state()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(POLL_S)


def docker(*arguments, check=True, timeout=COMMAND_MAX_S):
    return run("docker", *arguments, timeout=timeout, check=check)


def inspect(container):
    return json.loads(docker("inspect", container).stdout)[0]


class Stack:
    """One project of docker-compose, with nothing of this process's environment but what is given.

    Stacks of different names run side by side, as `paper` and `live` do; `paper` is the one of the defaults, and has the
    documented ports where they are free, so that the documented commands are what is tried.
    """

    def __init__(self, name="paper", settings=None, files=None):
        self.name = name
        self.project = f"{PROJECT}-{name}"
        self.files = files or BASE
        self.gateway_name = f"mcp-ib-gateway-{name}"
        self.network = f"mcp-ib-{name}-net"
        self.image = f"ib-mesh:{TAG}"
        is_default = name == "paper"
        ports = {key: str(port if is_default and is_free(port) else free_port()) for key, port in PORTS.items()}
        named = {} if is_default else {"IB_GATEWAY": name, "IB_HOST": f"ibgateway-{name}"}
        self.settings = {**ports, **named, "IB_MESH_TAG": TAG, "IBMESH_FROM": "outside", **(settings or {})}

    def compose(self, *arguments, check=True, timeout=COMMAND_MAX_S):
        files = [part for name in self.files for part in ("-f", name)]
        # An empty file in the place of a .env that a developer may have here.
        with tempfile.NamedTemporaryFile() as nothing:
            project = ["-p", self.project, "--env-file", nothing.name, "--project-directory", ROOT]
            return run("docker-compose", *project, *files, *arguments, timeout=timeout, check=check, environment=self.settings, cwd=ROOT)

    def up(self, *arguments):
        return self.compose("up", "-d", *arguments)

    def down(self):
        # Twice: under load the end of a container may still be on its way to its network.
        for is_last in [False, True]:
            if self.compose("down", "-v", "-t", "10", "--remove-orphans", check=is_last).returncode == 0:
                return

    def services(self):
        return self.compose("config", "--services").stdout.split()

    def containers(self, service):
        """As `docker-compose ps -q` has them, which takes a second each time."""
        labels = {"project": self.project, "service": service, "oneoff": "False"}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        return docker("ps", "-aq", "--no-trunc", *filters).stdout.split()

    def container(self, service):
        (found,) = self.containers(service)
        return found

    def address(self, service):
        """In the stack's own network."""
        return inspect(self.container(service))["NetworkSettings"]["Networks"][self.network]["IPAddress"]

    @property
    def edge(self):
        return f"http://localhost:{self.settings['EDGE_PORT']}"

    def health(self):
        try:
            with OPENER.open(f"{self.edge}/health", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            return json.load(refusal)
        except (OSError, ValueError):
            return {}

    def client_ids(self):
        """Of the workers that are connected to IB."""
        workers = self.health().get("pool", {}).get("workers", [])
        return sorted(worker["client_id"] for worker in workers if worker["ib_connected"])

    def is_whole(self, workers=3):
        """Healthy, with exactly so many workers and with options."""
        health = self.health()
        connected = health.get("options_client_connected") and len(self.client_ids()) == workers
        return connected and health["pool"]["workers_alive"] == workers and health["status"] == "healthy"

    def nats_url(self, user):
        """As an operator gets it."""
        address = f"127.0.0.1:{self.settings['NATS_PORT']}"
        printed = self.compose("run", "--rm", "-T", "provision", "provision", "--show", user, "--nats", address).stdout
        return printed.strip().splitlines()[-1]

    def logs(self):
        return self.compose("logs", "--no-color", "--tail", "40", check=False).stdout


class Nats:
    """A client of a few lines, without a library: what it is refused is an answer here."""

    def __init__(self, url):
        user, password, host, port = re.fullmatch(r"nats://(?:([^:]*):([^@]*)@)?([^:]+):(\d+)", url).groups()
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.lines = self.socket.makefile("rb")
        login = {"verbose": False, "user": user, "pass": password} if user else {"verbose": False}
        self.send(f"CONNECT {json.dumps(login)}\r\n")
        self.refused = self.refusal()

    def send(self, text):
        self.socket.sendall(text.encode())

    def refusal(self):
        """What the server has against what was sent so far, if anything."""
        self.send("PING\r\n")
        refused = None
        for line in self.lines:
            if line.startswith(b"PONG"):
                return refused
            if line.startswith(b"-ERR"):
                refused = line.decode().strip()
        return refused or "closed"

    def request(self, subject):
        self.send(f"SUB _INBOX.ci 1\r\nPUB {subject} _INBOX.ci 2\r\n{{}}\r\n")
        for line in self.lines:
            if line.startswith(b"-ERR"):
                return line.decode().strip()
            if line.startswith((b"MSG", b"HMSG")):
                sizes = [int(part) for part in line.split()[3:]]
                body = self.lines.read(sizes[-1] + 2)[: sizes[-1]]
                head = sizes[0] if line.startswith(b"HMSG") else 0
                # The first word may be that somebody has it: without a body.
                if body[head:]:
                    return json.loads(body[head:])
        return "closed"


def http_status(method, url, body=None, headers=None):
    """The status, whatever it is; the path is sent as it stands."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--max-time", "20", "--path-as-is", "-X", method]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    if body is not None:
        command += ["--data", body]
    if method == "HEAD":
        command[command.index("-X") : command.index("-X") + 2] = ["--head"]
    return run(*command, url, timeout=30).stdout


def shell(line):
    """A documented command line, by a shell as a person runs it."""
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=120, check=False, env=ENVIRONMENT)
