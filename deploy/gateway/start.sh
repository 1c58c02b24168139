#!/bin/bash
# Runs inside the gateway's image, before the image's own script and in its place as PID 1.
#
# It maps the names of the predecessors to the image's, takes secrets from files, and lets gateway-ctl send commands to
# IBC: its command port is the only way to close the gateway so that it keeps its settings and frees the session.
set -euo pipefail

fail() {
    echo "ib-mesh: $*" >&2
    exit 78
}

# one NAME VALUE OTHER_NAME OTHER_VALUE: the one that is set; two that differ are an error.
one() {
    if [ -n "$2" ] && [ -n "$4" ] && [ "$2" != "$4" ]; then
        fail "$1 and $3 differ; set one of them"
    fi
    printf '%s' "${2:-$4}"
}

# secret NAME FILE VALUE: the file's first line if it has one, else the value.
secret() {
    if [ -e "$2" ] && [ ! -r "$2" ]; then
        fail "the file of $1 cannot be read by user $(id -u); on the host: chown $(id -u) FILE && chmod 400 FILE"
    fi
    local line=''
    if [ -f "$2" ]; then
        IFS= read -r line <"$2" || true
    fi
    one "${1}_FILE" "$line" "$1" "$3"
}

TWS_USERID=$(one TWS_USERID "${TWS_USERID:-}" IB_USERNAME "${IB_USERNAME:-}")
[ -n "$TWS_USERID" ] || fail "set IB_USERNAME (or TWS_USERID) to the user name at Interactive Brokers"
password=$(one TWS_PASSWORD "${TWS_PASSWORD:-}" IB_PASSWORD "${IB_PASSWORD:-}")
TWS_PASSWORD=$(secret IB_PASSWORD /run/secrets/ib_password "$password")
[ -n "$TWS_PASSWORD" ] || fail "set IB_PASSWORD_FILE to a file that holds the password (or IB_PASSWORD)"
# IBC reads its configuration as Java properties, where a backslash is an escape.
TWS_PASSWORD=${TWS_PASSWORD//\\/\\\\}
vnc=$(one VNC_SERVER_PASSWORD "${VNC_SERVER_PASSWORD:-}" VNC_PASSWORD "${VNC_PASSWORD:-}")
VNC_SERVER_PASSWORD=$(secret VNC_SERVER_PASSWORD /run/secrets/vnc_password "$vnc")
export TWS_USERID TWS_PASSWORD VNC_SERVER_PASSWORD
unset IB_USERNAME IB_PASSWORD VNC_PASSWORD

# Told and gone on with: the gateway runs, and forgets at its end what a person has changed.
settings=${TWS_SETTINGS_PATH:-}
if [ -n "$settings" ] && ! { mkdir -p "$settings" && [ -w "$settings" ]; }; then
    echo "ib-mesh: $settings cannot be written by user $(id -u): no setting is kept; chown $(id -u) the volume, or mount it without ro" >&2
fi

# IBC compares the sender with this list: his address, and the name that his address resolves to. In a Docker network
# that is `<container>.<network>`; the address alone would be wrong after gateway-ctl was recreated.
from=${COMMAND_FROM:?}
[[ "$from" =~ ^[A-Za-z0-9._,-]+$ ]] || fail "COMMAND_FROM must be names or addresses with commas between and no spaces"
template=${IBC_INI_TMPL:?}
[ -w "$template" ] || fail "$template cannot be written; this image is not the one that deploy/gateway/start.sh is for"
sed -i "s/^CommandServerPort=.*/CommandServerPort=${COMMAND_PORT:?}/; s/^ControlFrom=.*/ControlFrom=$from/" "$template"
grep -q "^CommandServerPort=$COMMAND_PORT\$" "$template" || fail "$template has no CommandServerPort"
grep -q "^ControlFrom=$from\$" "$template" || fail "$template has no ControlFrom"

# gateway-ctl makes this file for a start that must not take the session from a person (GATEWAY_YIELD_FILE).
if [ -e /srv/gateway-yield/now ]; then
    export EXISTING_SESSION_DETECTED_ACTION=secondary
fi

exec "${SCRIPT_PATH:?}/run.sh"
