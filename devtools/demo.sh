#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
#
# Install what is needed, build the plugin, and let stock dpdk-testpmd forward packets with it.
set -euo pipefail

usage()
{
	cat <<'END'
Usage: devtools/demo.sh [--seconds N]

Builds net_pvq and shows it at work: one stock dpdk-testpmd forwards packets between a net_pvq port
and DPDK's net_vhost over a vhost-user socket with a packed ring, and likewise with stock
net_virtio_user, in turn. Ends with a table: what was negotiated, which path ran,
packets forwarded and lost, Mpps of both and their ratio. No hugepages are needed.

  --seconds N  seconds for each of the two drivers, 1 to 3600 (default 5)
  --help       this text

Missing packages are installed with apt (as root); PKG_CONFIG_PATH may name another DPDK. The build
goes to $PVQ_BUILD_DIR (default: build/ here), fetched driver headers to ~/.cache/pvq.
The exit status is 0 only if packets went both ways and net_pvq lost none.
END
}

seconds=5
while (($#)); do
	case $1 in
	--seconds=*) seconds=${1#*=} ;;
	--seconds)
		seconds=${2-}
		shift $(($# > 1))
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		printf 'error: unknown argument %s\n\n' "$1" >&2
		usage >&2
		exit 2
		;;
	esac
	shift
done
if ! [[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || ((seconds > 3600)); then
	printf 'error: --seconds takes a number from 1 to 3600, not "%s"\n' "$seconds" >&2
	exit 2
fi

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pvq_step "packages"
pvq_install_packages demo
pvq_find_dpdk
pvq_step "driver headers"
pvq_sdk_headers
pvq_step "build"
pvq_build release || pvq_die "the build failed"
pvq_stage_plugin release
pvq_step "dpdk-testpmd forwards, $seconds s for each driver"
log=$PVQ_BUILD_DIR/logs/demo.log.$$
pvq_foreground env TMPDIR="$PVQ_WORK" /usr/bin/python3 "$PVQ_ROOT/devtools/demo.py" \
	--seconds "$seconds" --plugin "$PVQ_PLUGIN" --testpmd "$PVQ_TESTPMD" --log "$log" ||
	pvq_die "the demonstration failed; all that testpmd printed is in $log"
rm -f "$log"
