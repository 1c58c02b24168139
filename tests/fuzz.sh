#!/usr/bin/env bash
# Fuzzes the readers of what strangers send, the edge's and the simulator's: `tests/fuzz.sh [SECONDS]` over all targets, 60 by default.
# Needs cargo-fuzz (installed here if it is missing) and a C++ compiler; runs on the stable toolchain.
set -euo pipefail
cd "$(dirname "$0")/../services"

FOLDERS=(ib-sim/fuzz edge/fuzz)

CARGO_FUZZ=0.13.2
seconds="${1:-60}"
# A forged length must not allocate: the longest frame is 16 MiB, and the sanitizer's own needs come on top.
limits=(-rss_limit_mb=1024 -malloc_limit_mb=64 -timeout=10)

command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --version "$CARGO_FUZZ" --locked
# libFuzzer needs flags that the stable compiler keeps for nightly.
export RUSTC_BOOTSTRAP=1
targets=()
for folder in "${FOLDERS[@]}"; do
    (cd "$folder" && cargo fuzz build --fuzz-dir .)
    mapfile -t found < <(cd "$folder" && cargo fuzz list --fuzz-dir .)
    targets+=("${found[@]/#/$folder }")
done
share=$((seconds / ${#targets[@]}))
# To libFuzzer no seconds at all mean without end.
share=$((share > 0 ? share : 1))
new="$(mktemp -d)"
trap 'rm -rf "$new"' EXIT
for both in "${targets[@]}"; do
    read -r folder target <<<"$both"
    echo "== fuzz $folder $target (${share}s)"
    # What is found goes to the first folder; the committed corpus stays as it is.
    mkdir -p "$new/$folder/$target"
    (cd "$folder" && cargo fuzz run --fuzz-dir . "$target" "$new/$folder/$target" "corpus/$target" -- \
        -max_total_time="$share" -max_len=65536 -print_final_stats=0 -print_funcs=0 -verbosity=0 "${limits[@]}")
done
