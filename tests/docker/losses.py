"""gateway-ctl on the engine: every way in which a gateway is lost or taken, with the status that is told and the end that it has."""

import json
import re
import time
from datetime import datetime, timezone

from checks import READY_MAX_S
from control import LOGIN_MS, REPAIR_MAX_S, events, request, stays
from stack import ROOT, docker, eventually, shell

SEED_CURLS = ROOT / "tests" / "data" / "seed-curls-gateway.txt"
OPERATIONS = ROOT / "docs" / "operations.md"
ASK = '{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"get_contract_details","arguments":{"conid":265598}}}'
# After an unclean end a session is left at IB for a while (gateway-ctl's rules).
UNCLEAN_S = 60
LOCKOUT_MS = 20_000
# Of a repair, what is neither a wait by rule nor the log-in: to notice the end, to start the container, to connect the workers.
REST_MAX_S = 30


def is_connected_and_told_so(stack):
    said = stack.status()
    wanted = {
        "status": "connected",
        "container_running": True,
        "api_port_open": True,
        "ib_connected": True,
        "gateway_container": stack.gateway_name,
        "api_host": stack.settings["IB_HOST"],
        "api_port": "4004",
        "desired": "up",
    }
    assert wanted.items() <= said.items(), said
    code, ready = stack.post("ensure-ready")
    assert (code, ready["ready"], ready["waited"]) == (200, True, 0), ready


def documented_control_answers(stack):
    """Seeds 000 to 002, word for word but for the port."""
    wanted = {
        "status": {"status": "connected", "container_running": True, "api_port_open": True, "ib_connected": True, "api_port": "4004"},
        "health_read": {"status": "healthy"},
        "health_short": {"status": "healthy", "ib_connected": True},
        "logout": {"success": True, "message": "Gateway stopped. IB session is now free for TWS."},
        "login": {"success": True},
        "ensure_ready": {"ready": True},
    }
    wanted |= {"status_read": wanted["status"], "status_read_too": wanted["status"], "workers": {}}
    blocks = [block.removeprefix("# ").split("\n", 1) for block in SEED_CURLS.read_text().split("\n\n") if "\ncurl " in block]
    assert {name for name, _ in blocks} == set(wanted), f"{SEED_CURLS} and this check differ"
    for name, documented in blocks:
        here = documented.rstrip().replace("localhost:48012", f"localhost:{stack.settings['EDGE_PORT']}", 1)
        said = json.loads(shell(here.replace("curl ", "curl --noproxy '*' --fail ", 1)).stdout or "null")
        if name == "workers":
            assert len(said) == 3 and all(worker["ib_connected"] for worker in said), said
        else:
            assert said and wanted[name].items() <= said.items(), f"{name}: {said}"
    stack.connected()


def documented_commands_run(stack):
    """Every `docker compose exec edge` of docs/operations.md."""
    commands = re.findall(r"docker compose exec (?:-e IBMESH_TOKEN )?(edge /ibmesh [^`\n]*)", OPERATIONS.read_text())
    assert len(commands) >= 3, commands
    for command in commands:
        ended = stack.compose("exec", "-T", *command.split(), check=False)
        assert ended.returncode == 0, f"{command}: {ended.returncode} {ended.stdout}{ended.stderr}"


def logout_lasts_until_login(stack):
    """F19: neither ensure-ready nor a new gateway-ctl nor the fleet's health starts it, and who else does is not followed."""
    code, said = stack.post("logout", reason="a person trades")
    assert code == 200 and said["success"] and said["message"] == "Gateway stopped. IB session is now free for TWS.", said
    eventually("logged out", lambda: stack.is_in("LOGGED_OUT"), 120)
    assert stack.gateway()["State"]["ExitCode"] == 0, "the gateway was not closed by IBC's STOP"
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
    # What `docker compose up` starts without being asked to is ended again.
    stack.up()
    eventually("the gateway stopped again", lambda: stack.is_in("LOGGED_OUT") and not stack.gateway()["State"]["Running"], 60)
    code, said = stack.post("login")
    assert code == 200 and said["success"], said
    stack.connected()
    assert stack.starts() != started


def a_killed_gateway_comes_back(stack):
    """F1: and reads say meanwhile what is the matter."""
    begun, faults = time.monotonic(), {}
    docker("kill", "-s", "KILL", stack.gateway_name)

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
    floor = UNCLEAN_S + LOGIN_MS / 1000
    print(f"      from kill to the first good answer {took:.1f} s: the wait after an unclean end {UNCLEAN_S} s, the log-in {LOGIN_MS / 1000:.1f} s, ")
    print(f"      the rest {took - floor:.1f} s; refused meanwhile, by fault code: {faults}", flush=True)
    assert set(faults) <= {"gateway_down", "no_worker", "upstream_lost", "timeout"}, faults
    assert took < floor + REST_MAX_S, f"{took:.1f} s"
    stack.connected()


def docker_stop_by_a_person_is_not_fought(stack):
    """A stop from outside is repaired once; who stops it again means it."""
    docker("stop", "-t", "30", stack.gateway_name)
    eventually("the stop is seen", lambda: not stack.status()["container_running"], 60)
    stack.connected()
    docker("stop", "-t", "30", stack.gateway_name)
    eventually("HALTED", lambda: stack.is_in("HALTED"), 60)
    said, started = stack.status(), stack.starts()
    assert said["needs_human"] and (said["status"], said["desired"]) == ("disconnected", "up"), said
    stays("halted", lambda: stack.is_in("HALTED") and stack.starts() == started, 15)
    code, said = stack.post("login")
    assert code == 200 and said["success"], said
    stack.connected()


def a_paused_gateway_is_told_and_left_alone(stack):
    docker("pause", stack.gateway_name)
    try:
        eventually("PAUSED", lambda: stack.is_in("PAUSED"), 60)
        started = stack.starts()
        stays("paused", lambda: stack.is_in("PAUSED") and stack.starts() == started, 5)
    finally:
        docker("unpause", stack.gateway_name)
    stack.connected()


def reconnect_restarts_it(stack):
    """`hard` is a stop and a start of the same container; the workers come back by themselves."""
    created, started = stack.gateway()["Id"], stack.starts()
    code, said = request("POST", f"{stack.edge}/gateway/reconnect?hard=true")
    assert code == 200 and said["message"] == "Gateway restart initiated. Workers stopped.", said
    eventually("another start", lambda: stack.starts() != started, 120)
    stack.connected()
    assert stack.gateway()["Id"] == created, "the container was recreated"


def the_nightly_restart_is_waited_for(stack):
    """F16: the same container, no start of ours."""
    started = stack.starts()
    stack.sim("/login", {"action": "restart"})
    eventually("the restart is seen", lambda: not stack.is_in("CONNECTED"), 60)
    stack.connected()
    assert stack.starts() == started, "the container was started again"


def lost_servers_of_ib_are_told(stack):
    """F3, F4, F5: 1100 without a restart, however often it is said; then 1102 and, another time, 1101."""
    started = stack.starts()
    for end in ["maintained", "data_lost"]:
        with events(stack) as told:
            stack.sim("/faults", {"kind": "connectivity", "state": "lost"})
            eventually("UPSTREAM_LOST", lambda: stack.is_in("UPSTREAM_LOST"), 60)
            said = stack.status()
            assert (said["status"], said["ib_connected"]) == ("api_ready", False), said
            for _ in range(100):
                stack.sim("/faults", {"kind": "notice", "code": 1100})
            assert stack.status()["since"] == said["since"], "the storm of 1100 was taken for news"
            stack.sim("/faults", {"kind": "connectivity", "state": end})
            stack.connected(60)
        assert told().count("UPSTREAM_LOST") == 1, told()
    assert stack.starts() == started


def a_client_id_that_is_held_is_left_behind(stack):
    """F12: the gateway keeps the connection of a worker whose host lost its power; another id takes its place."""
    worker = stack.containers("worker")[0]
    before = set(stack.client_ids())
    docker("network", "disconnect", "-f", stack.network, worker)
    docker("kill", worker)
    docker("rm", "-f", worker)
    eventually("the loss is seen", lambda: len(stack.client_ids()) == 2, 60)
    (lost,) = before - set(stack.client_ids())
    assert lost in stack.sim("/clients")["clients"], "the gateway has let go of the lost worker's connection"
    stack.up("--no-recreate", "worker")
    eventually("three workers again", lambda: len(stack.client_ids()) == 3, READY_MAX_S)
    assert lost not in stack.client_ids(), f"{lost} is held"
    assert lost in stack.sim("/clients")["clients"]
    stack.connected()


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


def too_many_attempts_are_waited_out(stack):
    """F21: the time that IB names, and no attempt before."""
    stack.recreate(f"--login too-many-attempts --lockout-ms {LOCKOUT_MS}")
    said = eventually("a time is named", lambda: stack.status().get("next_attempt_at") and stack.status(), 120)
    wait_s = (datetime.fromisoformat(said["next_attempt_at"]) - datetime.now(timezone.utc)).total_seconds()
    assert LOCKOUT_MS / 1000 - 10 < wait_s < LOCKOUT_MS / 1000 + 60, f"{wait_s:.0f} s: {said}"
    started = stack.starts()
    stays("left alone", lambda: stack.starts() == started and not stack.is_in("CONNECTED"), 10)


def a_gateway_without_memory_is_told(stack):
    """F22: 137 because the engine's limit was met, not by a person's hand."""
    stack.recreate(override="little-memory.yml")
    eventually("the reason", lambda: "JAVA_HEAP_SIZE" in (stack.status().get("reason") or ""), 120)
    assert stack.gateway()["State"]["OOMKilled"], stack.gateway()["State"]
    line = stack.layer("running")
    assert line["status"] == "fail" and "memory" in line["evidence"], line


def old_lines_of_the_log_do_not_count(stack):
    """F24: the log has turned over and its earlier life says that the log-in has completed."""
    stack.recreate("--login 2fa", override="small-log.yml")
    eventually("WAIT_2FA", lambda: stack.is_in("WAIT_2FA"), 120)
    stack.sim("/login", {"action": "approve"})
    stack.connected()
    # A log-in says some 3 kB with Docker's stamps, and the log keeps two files of 4 kB.
    first = docker("logs", "--timestamps", stack.gateway_name).stdout.splitlines()[0]
    for _ in range(4):
        stack.sim("/login", {"action": "restart"})
        eventually("the restart is seen", lambda: not stack.is_in("CONNECTED"), 60)
        stack.connected()
    assert first not in docker("logs", "--timestamps", stack.gateway_name).stdout, "the log has not turned over"
    docker("restart", stack.container("gateway-ctl"))
    eventually("gateway-ctl on a log without its beginning", lambda: stack.is_in("CONNECTED"), 60)
    # The same container again, asked for a second factor: what it said before is no log-in of now.
    docker("stop", "-t", "30", stack.gateway_name)
    assert "Login has completed" in docker("logs", stack.gateway_name).stdout
    eventually("WAIT_2FA again", lambda: stack.is_in("WAIT_2FA"), REPAIR_MAX_S)
    docker("restart", stack.container("gateway-ctl"))
    eventually("WAIT_2FA, seen by a new gateway-ctl", lambda: stack.is_in("WAIT_2FA"), 60)
    stays("not ready", lambda: stack.is_in("WAIT_2FA"), 5)


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
    stays("logged out", lambda: not stack.gateway()["State"]["Running"], 15)
    assert stack.post("login")[0] == 200
    stack.connected()


# Side by side, each on a stack of its own; and last, alone, what restarts the engine under everything.
LOST = [
    is_connected_and_told_so,
    documented_control_answers,
    documented_commands_run,
    logout_lasts_until_login,
    the_nightly_restart_is_waited_for,
    lost_servers_of_ib_are_told,
    a_client_id_that_is_held_is_left_behind,
    a_paused_gateway_is_told_and_left_alone,
    reconnect_restarts_it,
    a_killed_gateway_comes_back,
]
TAKEN = [
    docker_stop_by_a_person_is_not_fought,
    another_session_is_not_fought,
    a_wrong_password_halts_at_once,
    too_many_attempts_are_waited_out,
    a_second_factor_is_waited_for,
]
SILENT = [
    localhost_only_is_named,
    a_gateway_without_memory_is_told,
    old_lines_of_the_log_do_not_count,
]
ENGINE = [a_restarted_engine_is_a_state, a_restarted_engine_keeps_a_logout]
