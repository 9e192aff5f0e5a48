#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
#
# Install what is needed, build, and run every test.
set -euo pipefail

SUITES=(build unit diff order model asan tsan fuzz aarch64 checks docs system vm coverage)

usage()
{
	cat <<'END'
Usage: devtools/test.sh [--only SUITE[,SUITE...]]

Builds pvq and runs its tests. Ends with the failed and the skipped tests by name, and the line
`N passed, N failed, N skipped`. The exit status is 0 only if none failed; a suite that cannot be
built, crashes or tells no results has failed.

  --only LIST  only these of the suites, which are
                 build   gcc, clang and sanitizers, warnings are errors
                 unit    rings and queues against a device model
                 diff    vector kernels against the scalar ones, on random traffic
                 order   what barriers are for: every reordering of memory that they permit
                 model   models of the driver's concurrency, searched through by spin
                 asan    both under AddressSanitizer and UndefinedBehaviorSanitizer
                 tsan    what has several threads, under ThreadSanitizer
                 fuzz    the corpora of the fuzzers, and a short run of each
                 aarch64 both built for that processor, and run by qemu-user
                 checks  properties of the source and of the plugin
                 docs    the guides build without warnings
                 system  stock testpmd, dpdk-test and Open vSwitch with the plugin
                 vm      guests of QEMU with the plugin on virtio-net-pci
                 coverage
                         lines and branches of the driver that asan and system have run
  --help       this text

Missing packages are installed with apt (as root); PKG_CONFIG_PATH may name another DPDK. Builds,
logs and results (JUnit XML) go to $PVQ_BUILD_DIR (default: build/ here); fetched driver headers,
aarch64 packages, a kernel and a QEMU for guests go to ~/.cache/pvq. No hugepages are needed.
END
}

bad_usage()
{
	printf 'error: %s\n\n' "$1" >&2
	usage >&2
	exit 2
}

chosen=" ${SUITES[*]} "
while (($#)); do
	case $1 in
	--only=* | --only)
		if [[ $1 == --only ]]; then
			(($# > 1)) || bad_usage "--only needs a list of suites"
			chosen=$2
			shift
		else
			chosen=${1#*=}
		fi
		chosen=" ${chosen//,/ } "
		[[ $chosen == *[![:space:]]* ]] || bad_usage "--only needs a list of suites"
		for suite in $chosen; do
			[[ " ${SUITES[*]} " == *" $suite "* ]] || bad_usage "no suite $suite"
		done
		;;
	-h | --help)
		usage
		exit 0
		;;
	*) bad_usage "unknown argument $1" ;;
	esac
	shift
done

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$PVQ_ROOT/devtools/sysroot.sh"
# shellcheck source-path=SCRIPTDIR
. "$PVQ_ROOT/devtools/vm.sh"

# Enough for a slow machine; a test that hangs ends by a limit of its own long before.
PYTEST_LIMIT=1200
RESULTS=$PVQ_BUILD_DIR/results
LOGS=$PVQ_BUILD_DIR/logs

wants()
{
	local suite
	for suite in "$@"; do
		[[ $chosen != *" $suite "* ]] || return 0
	done
	return 1
}

# Only what has been run can be counted.
! wants coverage || wants asan || chosen+="asan "

# result SUITE NAME OUTCOME [LOG]: note one result of ours; LOG is its reason.
result()
{
	if [[ -n ${4-} ]]; then
		head -n 40 "$4"
	fi | /usr/bin/python3 "$PVQ_ROOT/devtools/junit_add.py" "$RESULTS/$1-$2.xml" "$1" "$2" "$3"
}

# build NAME COMPILER [meson options...]
build()
{
	local name=$1 compiler=$2
	shift 2
	if CC=$compiler pvq_build "$name" --werror -Dtests=true "$@"; then
		! wants build || result build "$name" passed
	else
		grep -hE '(error|ERROR|warning|FAILED):|undefined reference' "$LOGS/$name"-*.log \
			>"$PVQ_WORK/$name.log" || tail -n 5 "$LOGS/$name"-*.log >"$PVQ_WORK/$name.log"
		result build "$name" failed "$PVQ_WORK/$name.log"
		return 1
	fi
}

# Tests with several threads. With the compiler's own atomics the locks that DPDK has inline can be
# seen; where addresses are random in too many bits, programs do not start unless told otherwise.
tsan_suite()
{
	local wrapper=()
	! setarch -R true 2>/dev/null || wrapper=(--wrapper "setarch -R")
	build tsan gcc --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false \
		"-Dc_args=-DRTE_FORCE_INTRINSICS -Wno-tsan" || return 0
	pvq_foreground env "TSAN_OPTIONS=suppressions=$PVQ_ROOT/test/tsan.supp:history_size=7" \
		/usr/bin/python3 "$PVQ_ROOT/devtools/unit.py" "$PVQ_BUILD_DIR/tsan" \
		"$RESULTS/tsan.xml" --suite tsan --label tsan --jobs "$(nproc)" \
		"${wrapper[@]}" || :
}

# The unit tests and the scalar kernel on a processor that orders memory accesses less than x86.
aarch64_suite()
{
	if ! pvq_sysroot_possible; then
		echo "$PVQ_SYSROOT_LACK" >"$PVQ_WORK/aarch64.log"
		result aarch64 all skipped "$PVQ_WORK/aarch64.log"
		return
	fi
	if ! pvq_sysroot libc6-dev libcmocka-dev libnuma-dev; then
		result aarch64 packages failed "$PVQ_WORK/sysroot.log"
		return
	fi
	pvq_cross_file "$PVQ_BUILD_DIR/aarch64.ini"
	build aarch64 aarch64-linux-gnu-gcc --cross-file "$PVQ_BUILD_DIR/aarch64.ini" || return 0
	pvq_foreground /usr/bin/python3 "$PVQ_ROOT/devtools/unit.py" "$PVQ_BUILD_DIR/aarch64" \
		"$RESULTS/aarch64.xml" --label aarch64 --jobs "$(($(nproc) + 1))" \
		--wrapper "qemu-aarch64 -L $PVQ_SYSROOT" || :
}

# pytest_suite NAME PATH...: run tests with everything temporary in a folder of its own.
pytest_suite()
{
	local name=$1 status=0 temp=$PVQ_WORK/$1
	shift
	mkdir -p "$temp"
	pvq_foreground timeout -k 20 "$PYTEST_LIMIT" env TMPDIR="$temp" \
		/usr/bin/python3 -m pytest -v --color=no -p no:cacheprovider --rootdir="$PVQ_ROOT" \
		--junitxml="$RESULTS/$name.xml" "$@" || status=$?
	# 0 and 1 are told in the results, test by test.
	if ((status > 1)); then
		echo "pytest ended with status $status" >"$PVQ_WORK/$name.log"
		result "$name" pytest failed "$PVQ_WORK/$name.log"
	fi
	leftovers "$name" "$temp"
}

# Two at a time: most of them wait for something, more than they compute.
system_suite()
{
	pytest_suite "$1" -n 2 --dist loadgroup "${@:2}"
}

# Guests of an emulated processor each, as many at a time as there are real ones.
vm_suite()
{
	pvq_step "guests"
	pvq_guest
	pytest_suite vm -n "$(nproc)" --dist loadgroup "$PVQ_ROOT/test/vm"
}

# What carries packets, once more on the kernels that a port does not take by itself.
other_kernels()
{
	local isa own=scalar
	! grep -qwm 1 avx2 /proc/cpuinfo || own=avx2
	for isa in scalar avx2 avx512; do
		[[ $isa != "$own" ]] || continue
		pvq_step "system tests, isa=$isa"
		PVQ_TEST_ISA=$isa system_suite "system-$isa" \
			"$PVQ_ROOT"/test/system/test_{forward,contents}.py \
			"$PVQ_ROOT"/test/system/test_hostile.py::test_{queue_error,packet_dropped}
	done
}

# libFuzzer comes with clang's runtime, which not every clang brings along.
fuzz_suite()
{
	local target reason=$PVQ_WORK/fuzz.log
	if ! echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
		clang -fsanitize=fuzzer,address,undefined -x c - -o "$PVQ_WORK/fuzz" 2>"$reason"
	then
		for target in rx tx vhost_user devargs pci; do
			echo "clang makes no fuzzers: $(tail -n 1 "$reason")" >"$reason.skip"
			result fuzz "$target" skipped "$reason.skip"
		done
		return
	fi
	PVQ_TARGETS=fuzz build fuzz clang -Dfuzz=true -Doptimization=1 -Ddebug=true \
		-Db_lundef=false || return 0
	pvq_foreground /usr/bin/python3 "$PVQ_ROOT/devtools/fuzz.py" test "$PVQ_BUILD_DIR/fuzz" \
		"$RESULTS/fuzz.xml" || :
}

# leftovers SUITE FOLDER: whatever ran with its temporary files in FOLDER is to have ended, and
# nothing is to be mounted there.
leftovers()
{
	local suite=$1 folder=$2 found=$PVQ_WORK/$1-left.log pid
	for _ in {1..10}; do
		pvq_living "$folder" >"$found"
		[[ -s $found ]] || break
		sleep 0.3
	done
	while read -r pid _; do
		kill -KILL "$pid" 2>/dev/null || :
	done <"$found"
	awk -v folder="$folder/" 'index($2, folder) == 1 { print "mounted: " $2 }' \
		/proc/self/mounts >>"$found"
	if [[ -s $found ]]; then
		result "$suite" nothing-left-behind failed "$found"
	else
		result "$suite" nothing-left-behind passed
	fi
}

pvq_step "packages"
pvq_install_packages test
pvq_find_dpdk
pvq_step "driver headers"
pvq_sdk_headers

mkdir -p "$PVQ_BUILD_DIR"
exec 8>"$PVQ_BUILD_DIR/.lock-test"
flock -n 8 || pvq_die "another test run uses $PVQ_BUILD_DIR: wait for it, or set PVQ_BUILD_DIR"
rm -rf "$RESULTS"
mkdir -p "$RESULTS" "$LOGS"
status=0

pvq_step "build"
gcc_built=0 asan_built=0
! build gcc gcc || gcc_built=1
if wants build; then
	# For its warnings, which do not depend on how well it optimises.
	build clang clang -Doptimization=0 || :
fi
if wants build asan system; then
	# The templates of the data path take four times as long to build with more.
	! build asan gcc --buildtype=debugoptimized -Doptimization=1 -Db_sanitize=address,undefined \
		-Db_lundef=false -Dcoverage=true || asan_built=1
	# The counts of an earlier run.
	find "$PVQ_BUILD_DIR/asan" -name '*.gcda' -delete 2>/dev/null || :
fi

# Unit tests wait for a good part of their time: one more at a time than there are processors.
if wants unit && ((gcc_built)); then
	pvq_step "unit tests"
	pvq_foreground /usr/bin/python3 "$PVQ_ROOT/devtools/unit.py" "$PVQ_BUILD_DIR/gcc" \
		"$RESULTS/unit.xml" --suite unit --jobs "$(($(nproc) + 1))" || :
fi

if wants diff && ((gcc_built)); then
	pvq_step "kernels against each other"
	pvq_foreground /usr/bin/python3 "$PVQ_ROOT/devtools/unit.py" "$PVQ_BUILD_DIR/gcc" \
		"$RESULTS/diff.xml" --suite diff --label diff --jobs "$(nproc)" || :
fi

if wants order && ((gcc_built)); then
	pvq_step "orders of memory"
	pvq_foreground /usr/bin/python3 "$PVQ_ROOT/devtools/unit.py" "$PVQ_BUILD_DIR/gcc" \
		"$RESULTS/order.xml" --suite order --label order \
		--jobs "$(nproc)" || :
fi

if wants model; then
	pvq_step "models"
	pytest_suite model "$PVQ_ROOT/test/model"
fi

if wants asan && ((asan_built)); then
	pvq_step "unit tests and kernels with sanitizers"
	pvq_foreground env ASAN_OPTIONS=abort_on_error=0:detect_leaks=1 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		/usr/bin/python3 "$PVQ_ROOT/devtools/unit.py" "$PVQ_BUILD_DIR/asan" \
		"$RESULTS/asan.xml" --label asan --jobs "$(($(nproc) + 1))" || :
fi

if wants tsan; then
	pvq_step "threads under ThreadSanitizer"
	tsan_suite
fi

if wants aarch64; then
	pvq_step "unit tests and the scalar kernel on aarch64"
	aarch64_suite
fi

if wants fuzz; then
	pvq_step "fuzzers"
	fuzz_suite
fi

if wants docs; then
	pvq_step "documents"
	if pvq_quiet "sphinx-build" "$LOGS/docs.log" /usr/bin/python3 -m sphinx -W --keep-going -q \
		-b html "$PVQ_ROOT/doc/guides" "$PVQ_BUILD_DIR/doc"; then
		result docs guides passed
	else
		result docs guides failed "$LOGS/docs.log"
	fi
fi

if wants checks system vm && ((gcc_built)); then
	export PVQ_BUILD=$PVQ_BUILD_DIR/gcc PVQ_BUILD_ASAN='' PVQ_PLUGIN_ASAN=''
	if ((asan_built)); then
		PVQ_BUILD_ASAN=$PVQ_BUILD_DIR/asan
		pvq_stage_plugin asan
		PVQ_PLUGIN_ASAN=$PVQ_PLUGIN
	fi
	pvq_stage_plugin gcc
	export PVQ_PLUGIN PVQ_TESTPMD
	if wants checks; then
		pvq_step "checks tests"
		pytest_suite checks "$PVQ_ROOT/test/checks"
	fi
	if wants system; then
		pvq_step "system tests"
		system_suite system "$PVQ_ROOT/test/system"
		other_kernels
	fi
	! wants vm || vm_suite
fi

if wants coverage && ((asan_built)); then
	pvq_step "coverage of the driver"
	pvq_foreground /usr/bin/python3 "$PVQ_ROOT/devtools/coverage.py" "$PVQ_ROOT" \
		"$PVQ_BUILD_DIR/asan" "$PVQ_BUILD_DIR/coverage" "$RESULTS/coverage.xml" || :
	pvq_say "lines that nothing ran: $PVQ_BUILD_DIR/coverage/lines.txt"
fi

pvq_step "all told, $((SECONDS / 60)) min $((SECONDS % 60)) s; results are in $RESULTS"
# A failed build is told even where nobody asked for that suite.
! ls "$RESULTS"/build-*.xml >/dev/null 2>&1 || wants build || chosen+="build "
# shellcheck disable=SC2086
/usr/bin/python3 "$PVQ_ROOT/devtools/junit_sum.py" "$RESULTS" $chosen || status=1
exit "$status"
