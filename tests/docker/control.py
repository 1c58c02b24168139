"""A stack whose gateway can be told what to do, and what is asked of gateway-ctl there.

The gateway is the simulator in a container, through the shipped socket proxy; its control port is reached by the container's
address, which no published port leads to.
"""

import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from engine import ENVIRONMENT
from stack import BASE, OPENER, POLL_S, ROOT, Stack, docker, eventually, inspect

HERE = Path(__file__).parent.relative_to(ROOT)
LOGIN_MS = 2_000
CALL_MAX_S = 320
# What a repair may take: detection, back-off after an unclean end, log-in.
REPAIR_MAX_S = 240


def request(method, url, body=None):
    """Status and JSON, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with OPENER.open(asked, timeout=CALL_MAX_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


class Control(Stack):
    """The stack with a gateway that takes its time to log in and can be told what to do."""

    def __init__(self, name, engine):
        super().__init__(name, {"IB_SIM_FLAGS": flags()})
        self.engine = engine

    def status(self):
        try:
            return request("GET", f"{self.edge}/gateway/status")[1]
        except (OSError, ValueError):
            return {}

    def post(self, what, **parameters):
        return request("POST", f"{self.edge}/gateway/{what}", parameters)

    def is_in(self, *states):
        return self.status().get("state") in states

    def sim(self, path, body=None):
        address = self.gateway()["NetworkSettings"]["Networks"][self.network]["IPAddress"]
        status, said = request("GET" if body is None else "POST", f"http://{address}:8002{path}", body)
        assert status == 200, said
        return said

    def diagnosis(self):
        return request("GET", f"{self.edge}/gateway/diagnose")[1]

    def layer(self, check):
        """The line of the diagnosis with this name."""
        return next((line for line in self.diagnosis().get("layers", []) if line["check"] == check), None)

    def gateway(self):
        return inspect(self.gateway_name)

    def starts(self):
        """When the container was started last: another value is another start."""
        return self.gateway()["State"]["StartedAt"]

    def recreate(self, more="", override=None):
        """Another gateway under the same name, as after `docker compose up` with other settings."""
        self.settings["IB_SIM_FLAGS"] = flags(more)
        self.files = [*BASE, str(HERE / override)] if override else BASE
        self.up("--no-deps", "--force-recreate", "gateway")

    def settle(self):
        """Where every check begins: one that failed must not spoil the next."""
        if self.is_in("CONNECTED") and self.is_whole() and self.files == BASE:
            return
        if self.gateway()["State"]["Paused"]:
            docker("unpause", self.gateway_name)
        self.recreate()
        self.post("login")
        self.connected()

    def connected(self, within_s=REPAIR_MAX_S):
        eventually("the gateway connected and the fleet on it", lambda: self.is_in("CONNECTED") and self.is_whole(), within_s)


def flags(more=""):
    return f"--login-ms {LOGIN_MS} --control-bind 0.0.0.0:8002 {more}"


def stays(what, state, for_s):
    """That `state` holds all the time."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        assert state(), f"not any more: {what}"
        time.sleep(POLL_S)


@contextmanager
def events(stack):
    """What `GET /gateway/events` tells while this lasts: its states, one after the other."""
    with tempfile.TemporaryFile("w+") as into:
        command = ["curl", "-sN", "--noproxy", "*", "--max-time", "240", f"{stack.edge}/gateway/events"]
        with subprocess.Popen(command, stdout=into, env=ENVIRONMENT) as stream:

            def states():
                into.seek(0)
                datas = [line.removeprefix("data:") for line in into.read().splitlines() if line.startswith("data:")]
                return [json.loads(data)["state"] for data in datas]

            seen = []
            try:
                eventually("the first event", states, 20)
                yield lambda: seen
                eventually("the last event", lambda: states()[-1] == stack.status()["state"], 20)
            finally:
                seen += states()
                stream.kill()
