"""gateway-ctl on the engine: every way in which a gateway is lost or taken, with the status that is told and the end that it has.

The gateway is the simulator in a container, through the shipped socket proxy; its control port is reached by the container's
address, which no published port leads to.
"""

import json
import time
import urllib.error
import urllib.request

from checks import READY_MAX_S
from stack import OPENER, POLL_S, Stack, docker, eventually, inspect

NAME = "mcp-ib-gateway-paper"
LOGIN_MS = 2_000
ASK = '{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"get_contract_details","arguments":{"conid":265598}}}'
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

    def __init__(self, engine):
        super().__init__({"IB_SIM_FLAGS": flags()})
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

    def sim(self, path, body):
        address = inspect(NAME)["NetworkSettings"]["Networks"]["mcp-ib-paper-net"]["IPAddress"]
        status, said = request("POST", f"http://{address}:8002{path}", body)
        assert status == 200, said

    def starts(self):
        """When the container was started last: another value is another start."""
        return inspect(NAME)["State"]["StartedAt"]

    def recreate(self, more):
        """Another gateway under the same name, as after `docker compose up` with other settings."""
        self.settings["IB_SIM_FLAGS"] = flags(more)
        self.up("--no-deps", "--force-recreate", "gateway")

    def settle(self):
        """Where every check begins: one that failed must not spoil the next."""
        if self.is_in("CONNECTED") and self.is_whole():
            return
        if inspect(NAME)["State"]["Paused"]:
            docker("unpause", NAME)
        self.recreate("")
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


def is_connected_and_told_so(stack):
    said = stack.status()
    wanted = {
        "status": "connected",
        "container_running": True,
        "api_port_open": True,
        "ib_connected": True,
        "gateway_container": NAME,
        "api_host": "ibgateway-paper",
        "api_port": "4004",
        "desired": "up",
    }
    assert wanted.items() <= said.items(), said
    code, ready = stack.post("ensure-ready")
    assert (code, ready["ready"], ready["waited"]) == (200, True, 0), ready


def logout_lasts_until_login(stack):
    """F19: neither ensure-ready nor a new gateway-ctl nor the fleet's health starts it."""
    code, said = stack.post("logout", reason="a person trades")
    assert code == 200 and said["success"] and said["message"] == "Gateway stopped. IB session is now free for TWS.", said
    eventually("logged out", lambda: stack.is_in("LOGGED_OUT"), 120)
    assert inspect(NAME)["State"]["ExitCode"] == 0, "the gateway was not closed by IBC's STOP"
    started = stack.starts()
    code, ready = stack.post("ensure-ready")
    assert code == 503 and ready == {**ready, "ready": False, "waited": 0}, ready
    assert stack.post("reconnect")[0] == 409
    code, said = request("POST", f"{stack.edge}/mcp", json.loads(ASK))
    assert "gateway_logged_out" in json.dumps(said) and "a person trades" in json.dumps(said), said
    assert stack.post("logout")[1]["success"], "a second logout"
    eventually("/health degraded", lambda: stack.health().get("status") == "degraded", 30)
    docker("restart", stack.container("gateway-ctl"))
    eventually("gateway-ctl back, still logged out", lambda: stack.is_in("LOGGED_OUT"), 60)
    stays("logged out", lambda: stack.is_in("LOGGED_OUT") and stack.starts() == started, 15)
    code, said = stack.post("login")
    assert code == 200 and said["success"], said
    stack.connected()
    assert stack.starts() != started


def a_killed_gateway_comes_back(stack):
    """F1, F22: and reads say meanwhile what is the matter."""
    begun, faults = time.monotonic(), {}
    docker("kill", "-s", "KILL", NAME)

    def answered():
        said = request("POST", f"{stack.edge}/mcp", json.loads(ASK))[1]
        result = said.get("result", {})
        if not result.get("isError"):
            return "result" in said
        code = (result.get("_meta") or {}).get("ib-mesh/fault", {}).get("code", "?")
        faults[code] = faults.get(code, 0) + 1
        return False

    eventually("a good answer after the kill", answered, REPAIR_MAX_S)
    took = time.monotonic() - begun
    print(f"      from kill to the first good answer: {took:.1f} s (log-in {LOGIN_MS / 1000:.1f} s); refused meanwhile: {faults}", flush=True)
    assert set(faults) <= {"gateway_down", "no_worker", "upstream_lost", "timeout"}, faults
    stack.connected()


def docker_stop_by_a_person_is_not_fought(stack):
    """A stop from outside is repaired once at most, and told."""
    docker("stop", "-t", "30", NAME)
    eventually("the stop is seen", lambda: not stack.status()["container_running"] or stack.is_in("CONNECTED"), 60)
    code, said = stack.post("login")
    assert code == 200 and said["success"], said
    stack.connected()


def a_paused_gateway_is_told_and_left_alone(stack):
    docker("pause", NAME)
    try:
        eventually("PAUSED", lambda: stack.is_in("PAUSED"), 60)
        started = stack.starts()
        stays("paused", lambda: stack.is_in("PAUSED") and stack.starts() == started, 5)
    finally:
        docker("unpause", NAME)
    stack.connected()


def reconnect_restarts_it(stack):
    """`hard` is a stop and a start of the same container; the workers come back by themselves."""
    created, started = inspect(NAME)["Id"], stack.starts()
    code, said = request("POST", f"{stack.edge}/gateway/reconnect?hard=true")
    assert code == 200 and said["message"] == "Gateway restart initiated. Workers stopped.", said
    eventually("another start", lambda: stack.starts() != started, 120)
    stack.connected()
    assert inspect(NAME)["Id"] == created, "the container was recreated"


def the_nightly_restart_is_waited_for(stack):
    """F16: the same container, no start of ours."""
    started = stack.starts()
    stack.sim("/login", {"action": "restart"})
    eventually("the restart is seen", lambda: not stack.is_in("CONNECTED"), 60)
    stack.connected()
    assert stack.starts() == started, "the container was started again"


def lost_servers_of_ib_are_told(stack):
    """F3, F4: 1100 without a restart, then 1102."""
    started = stack.starts()
    stack.sim("/faults", {"kind": "connectivity", "state": "lost"})
    eventually("UPSTREAM_LOST", lambda: stack.is_in("UPSTREAM_LOST"), 60)
    said = stack.status()
    assert (said["status"], said["ib_connected"]) == ("api_ready", False), said
    stack.sim("/faults", {"kind": "connectivity", "state": "maintained"})
    stack.connected(60)
    assert stack.starts() == started


def another_session_is_not_fought(stack):
    """F18: a person's log-in is told, and no start follows."""
    stack.sim("/login", {"action": "take_over"})
    eventually("SESSION_CONFLICT", lambda: stack.is_in("SESSION_CONFLICT"), 90)
    assert stack.status()["needs_human"], stack.status()
    started = stack.starts()
    stays("left alone", lambda: stack.is_in("SESSION_CONFLICT") and stack.starts() == started, 15)


def a_wrong_password_halts_at_once(stack):
    """F20: one attempt, then a person."""
    stack.recreate("--login wrong-password")
    eventually("HALTED", lambda: stack.is_in("HALTED"), 120)
    started = stack.starts()
    said = stack.status()
    assert said["needs_human"], said
    stays("halted", lambda: stack.is_in("HALTED") and stack.starts() == started, 15)


def a_second_factor_is_waited_for(stack):
    """F17: no attempt follows another while a person is asked."""
    stack.recreate("--login 2fa")
    eventually("WAIT_2FA", lambda: stack.is_in("WAIT_2FA"), 120)
    started = stack.starts()
    assert stack.status()["needs_human"], stack.status()
    stays("waiting", lambda: stack.is_in("WAIT_2FA") and stack.starts() == started, 5)
    stack.sim("/login", {"action": "approve"})
    stack.connected()
    assert stack.starts() == started


def localhost_only_is_named(stack):
    """F6: TCP answers, the API does not; the diagnosis says which box to untick."""
    stack.recreate("--fault localhost_only")
    eventually("API_WAIT", lambda: stack.is_in("API_WAIT", "HALTED"), 120)

    def named():
        said = request("GET", f"{stack.edge}/gateway/diagnose")[1]
        return "localhost" in json.dumps(said).lower() and said

    said = eventually("the verdict names the box", named, 120)
    assert said["next_action"], said


def a_restarted_engine_is_a_state(stack):
    """F23: gateway-ctl and the gateway come back with the engine, and a login that was wanted is made again."""
    stack.engine.restart()
    eventually("the edge is back", lambda: stack.health().get("status"), 120)
    stack.connected()


def a_restarted_engine_keeps_a_logout(stack):
    """F19: nor does a restart of the engine undo it."""
    assert stack.post("logout", reason="engine")[0] == 200
    eventually("logged out", lambda: stack.is_in("LOGGED_OUT"), 120)
    stack.engine.restart()
    eventually("logged out still", lambda: stack.is_in("LOGGED_OUT"), 120)
    stays("logged out", lambda: not inspect(NAME)["State"]["Running"], 15)
    assert stack.post("login")[0] == 200
    stack.connected()


CHECKS = [
    is_connected_and_told_so,
    logout_lasts_until_login,
    the_nightly_restart_is_waited_for,
    lost_servers_of_ib_are_told,
    a_paused_gateway_is_told_and_left_alone,
    reconnect_restarts_it,
    a_killed_gateway_comes_back,
    docker_stop_by_a_person_is_not_fought,
    another_session_is_not_fought,
    a_wrong_password_halts_at_once,
    a_second_factor_is_waited_for,
    localhost_only_is_named,
    a_restarted_engine_is_a_state,
    a_restarted_engine_keeps_a_logout,
]
