#!/usr/bin/env bash
# Fuzzes the simulator's readers of bytes for a while: `tests/fuzz.sh [SECONDS]` over all targets, 60 by default.
# Needs cargo-fuzz (installed here if it is missing) and a C++ compiler; runs on the stable toolchain.
set -euo pipefail
cd "$(dirname "$0")/../services/ib-sim/fuzz"

CARGO_FUZZ=0.13.2
seconds="${1:-60}"
# A forged length must not allocate: the longest frame is 16 MiB, and the sanitizer's own needs come on top.
limits=(-rss_limit_mb=1024 -malloc_limit_mb=64 -timeout=10)

command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --version "$CARGO_FUZZ" --locked
# libFuzzer needs flags that the stable compiler keeps for nightly.
export RUSTC_BOOTSTRAP=1
cargo fuzz build --fuzz-dir .

mapfile -t targets < <(cargo fuzz list --fuzz-dir .)
share=$((seconds / ${#targets[@]}))
# To libFuzzer no seconds at all mean without end.
share=$((share > 0 ? share : 1))
new="$(mktemp -d)"
trap 'rm -rf "$new"' EXIT
for target in "${targets[@]}"; do
    echo "== fuzz $target (${share}s)"
    # What is found goes to the first folder; the committed corpus stays as it is.
    mkdir "$new/$target"
    cargo fuzz run --fuzz-dir . "$target" "$new/$target" "corpus/$target" -- \
        -max_total_time="$share" -max_len=65536 -print_final_stats=0 -print_funcs=0 -verbosity=0 "${limits[@]}"
done
