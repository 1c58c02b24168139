#!/usr/bin/env bash
# Runs the README's first command as a newcomer would, then every curl of its page, and checks that Ctrl-C leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/../.."

data=$(mktemp -d)
log="$data/up.log"
passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok    $*"; }
bad() { failed=$((failed + 1)); echo "FAIL  $*"; }

# Only NATS and the simulator move to free ports: the page's curls name the edge's default one.
cargo build --release
cargo run --release -- up --nats-port 0 --sim-port 0 --data-dir "$data/mesh" >"$log" 2>&1 &
up=$!
trap 'kill -INT "$up" 2>/dev/null || true; wait "$up" 2>/dev/null || true; rm -rf "$data"' EXIT

for _ in $(seq 1 300); do
    curl -sf -m 2 http://127.0.0.1:48012/health >/dev/null 2>&1 && break
    kill -0 "$up" 2>/dev/null || { cat "$log"; echo "up ended early"; exit 1; }
    sleep 0.2
done

while IFS= read -r line; do
    answer=$(bash -c "${line/curl /curl -s -m 70 }") || { bad "$line"; continue; }
    case "$answer" in
        *'"isError":true'* | *'"error":'* | '') bad "$line"; echo "$answer" | head -c 600; echo ;;
        *) ok "${line:0:90}" ;;
    esac
done < <(grep '^curl ' README.md)

# The board comes when all three workers are connected; a call is answered as soon as one is.
for _ in $(seq 1 300); do
    grep -q SIMULATED "$log" && break
    sleep 0.2
done
grep -q SIMULATED "$log" && ok "the board says SIMULATED" || { bad "the board lacks SIMULATED"; cat "$log"; }

# The process group of `cargo run` holds the binary; a Ctrl-C reaches both.
pids=$(pgrep -P "$up" || true)
kill -INT $up $pids 2>/dev/null || true
wait "$up" || true
for _ in $(seq 1 100); do
    curl -s -m 1 http://127.0.0.1:48012/health >/dev/null 2>&1 || break
    sleep 0.1
done
if curl -s -m 1 http://127.0.0.1:48012/health >/dev/null 2>&1; then bad "the edge still answers after Ctrl-C"; else ok "Ctrl-C ended it"; fi
trap 'rm -rf "$data"' EXIT

echo "smoke: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
