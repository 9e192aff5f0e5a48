#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
#
# Fuzz the driver for as long as is wanted. devtools/test.sh has a short run of the same.
set -euo pipefail

usage()
{
	cat <<'END'
Usage: devtools/fuzz.sh --minutes N [--target NAME] [--coverage] [--update]

Builds the fuzzers with clang, AddressSanitizer and UndefinedBehaviorSanitizer, runs them for N
minutes in all on every processor, minimises what they found, and prints executions, features,
inputs and crashes. The exit status is 0 only if nothing crashed.

  --target NAME  only rx, tx, vhost_user, devargs or pci
  --coverage     build once more to tell what the inputs reach of each file: lines, branches
  --update       replace test/fuzz/corpus by few inputs that reach the same
  --help         this text

Inputs are kept in $PVQ_BUILD_DIR/fuzz-corpus (default: build/ here) and used again. What crashed
is in its folders found*: PROGRAM FILE repeats it, with build/fuzz/test/fuzz/fuzz_NAME as PROGRAM.
END
}

bad_usage()
{
	printf 'error: %s\n\n' "$1" >&2
	usage >&2
	exit 2
}

minutes='' coverage=0 more=()
while (($#)); do
	case $1 in
	--minutes | --target)
		(($# > 1)) || bad_usage "$1 needs a value"
		if [[ $1 == --minutes ]]; then
			minutes=$2
		else
			more+=(--target "$2")
		fi
		shift
		;;
	--coverage) coverage=1 ;;
	--update) more+=(--update) ;;
	-h | --help)
		usage
		exit 0
		;;
	*) bad_usage "unknown argument $1" ;;
	esac
	shift
done
[[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || bad_usage "--minutes needs a number"

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build_fuzzers()
{
	CC=clang PVQ_TARGETS=fuzz pvq_build "$@" -Dfuzz=true -Dtests=true -Doptimization=1 \
		-Ddebug=true -Db_lundef=false --werror
}

pvq_step "packages"
pvq_install_packages fuzz
pvq_find_dpdk
pvq_sdk_headers

pvq_step "build"
build_fuzzers fuzz
if ((coverage)); then
	build_fuzzers fuzz-coverage -Dfuzz_coverage=true
	more+=(--coverage "$PVQ_BUILD_DIR/fuzz-coverage")
fi

pvq_step "fuzzing, $minutes minutes"
pvq_foreground /usr/bin/python3 "$PVQ_ROOT/devtools/fuzz.py" grow "$PVQ_BUILD_DIR/fuzz" \
	"$PVQ_BUILD_DIR/fuzz-corpus" --minutes "$minutes" "${more[@]}"
