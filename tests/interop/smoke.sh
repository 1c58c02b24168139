#!/usr/bin/env bash
# Runs the README's first command as a newcomer would, then every curl of its page, and checks that Ctrl-C leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/../.."

BOARD_MAX_S=120 # a cold machine fetches nats-server in it
END_MAX_S=30

data=$(mktemp -d)
log="$data/up.log"
passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok    $*"; }
bad() { failed=$((failed + 1)); echo "FAIL  $*"; }

# A process that has ended and waits to be reaped runs no more.
runs() { local state; state=$(ps -o stat= -p "$1") && [[ $state != Z* ]]; }
# Every process below this one.
below() { local child; for child in $(pgrep -P "$1"); do echo "$child"; below "$child"; done; }

# Every port is a free one, since 48012 and the others may be taken on the machine that runs this.
cargo build --release
cargo run --release -- up --edge-bind 127.0.0.1:0 --nats-port 0 --sim-port 0 --data-dir "$data/mesh" >"$log" 2>&1 &
up=$!
trap 'kill -INT "$up" 2>/dev/null || true; wait "$up" 2>/dev/null || true; rm -rf "$data"' EXIT

# The board comes when all three workers are connected, and names the edge.
for _ in $(seq 1 $((BOARD_MAX_S * 5))); do
    grep -q 'Ctrl-C drains' "$log" && break
    runs "$up" || { cat "$log"; echo "up ended early"; exit 1; }
    sleep 0.2
done
grep -q 'Ctrl-C drains' "$log" || { cat "$log"; echo "no board within $BOARD_MAX_S s"; exit 1; }
if grep -q SIMULATED "$log"; then ok "the board says SIMULATED"; else bad "the board lacks SIMULATED"; cat "$log"; fi
edge=$(sed -n 's|.*edge on http://\([^,]*\),.*|\1|p' "$log" | head -n 1)
[ -n "$edge" ] || { cat "$log"; echo "the log names no address of the edge"; exit 1; }

# The README also shows a simulator of its own, with a control port.
cargo run --release -- sim --bind 127.0.0.1:0 --control-bind 127.0.0.1:0 >"$data/sim" 2>"$data/sim.log" &
sim=$!
trap 'kill -INT "$up" "$sim" 2>/dev/null || true; wait "$up" "$sim" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 1 100); do
    grep -q '"control"' "$data/sim" && break
    sleep 0.2
done
control=$(sed -n 's|.*"control":"\([^"]*\)".*|\1|p' "$data/sim")
[ -n "$control" ] || { cat "$data/sim.log"; echo "the simulator names no control port"; exit 1; }

curls=0
while IFS= read -r line; do
    curls=$((curls + 1))
    here=${line//127.0.0.1:48012/$edge}
    here=${here//127.0.0.1:8002/$control}
    [ "$here" != "$line" ] || { bad "names neither the edge's default address nor the control port: $line"; continue; }
    # A stream of events has no end of its own: what has come after some seconds is its answer.
    seconds=70; [[ $line != *gateway/events* ]] || seconds=4
    answer=$(bash -c "${here/curl /curl -s -m $seconds --noproxy \'*\' }") || [ "$seconds$?" = 428 ] || { bad "$line"; continue; }
    case "$answer" in
        *'"isError":true'* | *'"error":'* | '') bad "$line"; echo "$answer" | head -c 600; echo ;;
        *) ok "${line:0:90}" ;;
    esac
done < <(grep '^curl ' README.md)
[ "$curls" -gt 0 ] || bad "the README has no curl"
kill -INT "$sim"
if wait "$sim"; then ok "the simulator ends on an interrupt"; else bad "the simulator's exit status is $?"; fi

# Whether cargo has replaced itself with ibmesh or waits for it: the lock of the data directory says who it is.
ibmesh=$(cat "$data/mesh/lock")
mapfile -t pids < <(echo "$ibmesh"; below "$ibmesh")
# nats-server and its guard, the simulator, three workers, the edge.
if [ "${#pids[@]}" -ge 8 ]; then ok "${#pids[@]} processes run"; else bad "only ${#pids[@]} processes run: ${pids[*]}"; fi
# To ibmesh alone: it must end the others itself.
kill -INT "$ibmesh"
left=("${pids[@]}")
for _ in $(seq 1 $((END_MAX_S * 10))); do
    left=()
    for pid in "${pids[@]}"; do if runs "$pid"; then left+=("$pid"); fi; done
    [ "${#left[@]}" -gt 0 ] || break
    sleep 0.1
done
if [ "${#left[@]}" -eq 0 ]; then
    ok "Ctrl-C ended every process"
    code=0
    wait "$up" || code=$?
    if [ "$code" -eq 0 ]; then ok "its exit status is 0"; else bad "its exit status is $code"; fi
else
    bad "still running $END_MAX_S s after Ctrl-C:"
    ps -o pid,args -p "$(IFS=,; echo "${left[*]}")" || true
    kill -KILL "${left[@]}" 2>/dev/null || true
fi
trap 'rm -rf "$data"' EXIT

echo "smoke: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
