#!/bin/bash
# tidy.sh [BASE]: clang-tidy over what changed in cli, daemon and common since BASE (a commit; "all" for
# every file; default: the last fifteen commits, which bounds the time that it takes).
cd "$(dirname "$0")/../.." || exit 1
base=${1:-$(git rev-list -1 --skip=15 HEAD)}
build=build/tidy
mkdir -p build
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DDECOM_FAILPOINTS=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >$build.log 2>&1 || { cat $build.log; exit 1; }
if [ -n "$base" ] && [ "$base" != all ]; then changed=$(git diff --name-only --diff-filter=d "$base" -- '*.cpp'); else changed=$(git ls-files '*.cpp'); fi
# Only what the build knows; Asio's own sources are not ours.
known=$(python3 -c 'import json,os,sys; print("\n".join(os.path.relpath(e["file"]) for e in json.load(open(sys.argv[1]))))' $build/compile_commands.json)
files=$(comm -12 <(sort -u <<<"$changed") <(sort -u <<<"$known") | grep -E '^(cli|daemon|common/[^a]|common/api)')
[ -n "$files" ] || { echo "nothing changed"; exit 0; }
echo "$(wc -l <<<"$files") files"
xargs -P "$(nproc)" -n 4 clang-tidy -p $build --quiet --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-unused-command-line-argument <<<"$files" 2> >(grep -vE 'warnings? (generated|treated)|^Suppressed|Use -header-filter' >&2)
