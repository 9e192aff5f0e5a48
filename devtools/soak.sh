#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
#
# Install what is needed, build, and run net_pvq under load for an hour while everything around it
# is disturbed.
set -euo pipefail

usage()
{
	cat <<'END'
Usage: devtools/soak.sh [--minutes N] [--seed S] [--no-huge]

Two net_pvq ports send frames to stock dpdk-testpmds with net_vhost, which send them back; every
byte that returns is verified. Meanwhile backends are killed and started, ports and queues stopped,
set up anew and unplugged, MTU, MAC address, filters, link and rx interrupts changed, memory added
and removed, and counters read. Ends with a table: what was done, what became of each frame, and
what the process had allocated in the beginning and at the end.

  --minutes N  how long, 1 to 10000 (default 60)
  --seed S     what decides about the actions, 0 to 999999999 (default: the time)
  --no-huge    without hugepages, even where there could be some: EAL then adds no memory
  --help       this text

Missing packages are installed with apt (as root); PKG_CONFIG_PATH may name another DPDK. The build
goes to $PVQ_BUILD_DIR (default: build/ here). Hugepages are reserved as root and given back. The
exit status is 0 only if no frame was damaged, or lost or sent twice without a reason, all mbufs came
back to their pools, and nothing grew.
END
}

bad_usage()
{
	printf 'error: %s\n\n' "$1" >&2
	usage >&2
	exit 2
}

minutes=60 seed=$(($(date +%s) % 1000000000)) huge=1
while (($#)); do
	option=$1
	value=
	case $option in
	--minutes | --seed)
		(($# > 1)) || bad_usage "$option needs a value"
		value=$2
		shift
		;;
	--minutes=* | --seed=*)
		value=${option#*=}
		option=${option%%=*}
		;;
	esac
	case $option in
	--minutes)
		if ! [[ $value =~ ^[1-9][0-9]{0,4}$ ]] || ((value > 10000)); then
			bad_usage "--minutes takes a number from 1 to 10000, not \"$value\""
		fi
		minutes=$value
		;;
	--seed)
		[[ $value =~ ^(0|[1-9][0-9]{0,8})$ ]] ||
			bad_usage "--seed takes a number from 0 to 999999999, not \"$value\""
		seed=$value
		;;
	--no-huge) huge=0 ;;
	-h | --help)
		usage
		exit 0
		;;
	*) bad_usage "unknown argument $option" ;;
	esac
	shift
done

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$PVQ_ROOT/devtools/pages.sh"

MEMORY_MB=512

pvq_step "packages"
pvq_install_packages soak
pvq_find_dpdk
pvq_step "driver headers"
pvq_sdk_headers
pvq_step "build"
PVQ_TARGETS=soak-test pvq_build soak -Dtests=true || pvq_die "the build failed"
pvq_stage_plugin soak
# A build that goes on meanwhile does not reach these copies.
install -m 755 "$PVQ_BUILD_DIR/soak/test/soak/soak" "$PVQ_WORK/soak"
eal="--no-huge -m 384"
if ((huge)) && pvq_take_pages "$MEMORY_MB"; then
	eal="--in-memory --single-file-segments -m 128"
else
	pvq_say "without hugepages, so EAL adds and removes no memory"
fi
pvq_step "$minutes min, seed $seed"
log=$PVQ_BUILD_DIR/logs/soak.log.$$
mkdir -p "$PVQ_BUILD_DIR/logs"
pvq_foreground env TMPDIR="$PVQ_WORK" /usr/bin/python3 "$PVQ_ROOT/devtools/soak.py" \
	--minutes "$minutes" --seed "$seed" --program "$PVQ_WORK/soak" --plugin "$PVQ_PLUGIN" \
	--testpmd "$PVQ_TESTPMD" --eal="$eal" --log "$log" ||
	pvq_die "something was not as it must be; all that the program printed is in $log"
rm -f "$log"
