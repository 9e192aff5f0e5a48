#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
#
# Install what is needed, build the driver and dpdk-pvq-perf, and measure net_pvq beside others.
set -euo pipefail

usage()
{
	cat <<'END'
Usage: devtools/bench.sh [--native] [--only SET[,SET...]] [options]

Measures net_pvq beside net_virtio_user, at its best and with its defaults, and net_memif, with
dpdk-pvq-perf. Writes results.rst (the tables to quote), results.json (all figures) and what each
launch wrote to a folder.

  --native      with Debian's own DPDK source package, built for this processor, instead of the
                installed DPDK. It is fetched and built once (2 minutes) and kept in ~/.cache/pvq
  --only LIST   only these of the sets, which are
                  default  solo, nobody has a flag or an option
                  others   solo, the same with portable code, the split ring and memif
                  best     solo, SIMD up to 512 bits, no mergeable buffers, net_virtio's vector path
                  ooo      solo, the backend does not offer IN_ORDER
                  frames, rings, scale
                           solo with more frame sizes, ring sizes, queue pairs
                  pair, pair-default, latency
                           two lcores, several launches
  --rounds N    rounds of solo in each of 3 launches, with another port first in each (default 100)
  --windows N   windows of pair in each launch (default 10)
  --launches N  launches of pair, with the ports in another order each (default 9)
  --output DIR  the folder for the results (default: bench/ in the build folder)
  --no-huge     without hugepages, even where there could be some. Figures are worse then
  --help        this text

PKG_CONFIG_PATH may name another DPDK. Missing packages are installed with apt (as root). The build
goes to $PVQ_BUILD_DIR (default: build/ here). Hugepages are reserved as root and given back. The
exit status is 0 only if everything was measured and no packet was lost or wrong.
END
}

bad_usage()
{
	printf 'error: %s\n\n' "$1" >&2
	usage >&2
	exit 2
}

native=0 huge=1 output='' args=()
while (($#)); do
	option=$1
	value=
	case $option in
	--only | --rounds | --windows | --launches | --output)
		(($# > 1)) || bad_usage "$option needs a value"
		value=$2
		shift
		;;
	--only=* | --rounds=* | --windows=* | --launches=* | --output=*)
		value=${option#*=}
		option=${option%%=*}
		;;
	esac
	case $option in
	--native) native=1 ;;
	--no-huge) huge=0 ;;
	--only) args+=(--only "$value") ;;
	--output)
		[[ -n $value ]] || bad_usage "--output needs a folder"
		output=$value
		;;
	--rounds | --windows | --launches)
		[[ $value =~ ^[1-9][0-9]{0,5}$ ]] ||
			bad_usage "$option takes a number from 1 to 999999, not \"$value\""
		args+=("$option" "$value")
		;;
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

# Choose memory: sets memory to EAL's arguments.
choose_memory()
{
	memory=(--no-huge --single-file-segments -m "$MEMORY_MB")
	((huge)) || return 0
	if ! pvq_take_pages "$MEMORY_MB"; then
		pvq_say "no hugepages to be had: without, and the figures are worse for it"
		return 0
	fi
	memory=(--in-memory --single-file-segments -m "$MEMORY_MB")
}

# Whom to build for: a cache may be shared by machines that are not alike.
processor_id()
{
	grep -m 1 -E '^(flags|Features)' /proc/cpuinfo | md5sum | cut -c1-8
}

# Build the unpacked source package in $PVQ_APT and install it into a folder. Runs under pvq_quiet.
build_native()
{
	local prefix=$1 build=$PVQ_WORK/native-build
	meson setup "$build" "$PVQ_APT/unpacked" --prefix="$prefix" -Dlibdir=lib \
		-Dplatform=native -Denable_driver_sdk=true -Dtests=false -Denable_docs=false \
		-Denable_drivers=bus/vdev,bus/pci,mempool/ring,net/virtio,net/memif \
		-Ddisable_apps='*' || return 1
	ninja -C "$build" || return 1
	meson install -C "$build"
}

# Make the distribution's DPDK, built for this processor, the one that pkg-config finds.
use_native()
{
	local name version prefix
	dpkg-query -W libdpdk-dev >/dev/null 2>&1 ||
		pvq_die "--native builds the source of the installed libdpdk-dev, and none is"
	read -r name version < <(
		dpkg-query -W -f '${source:Package} ${source:Version}\n' libdpdk-dev)
	prefix=$PVQ_CACHE/dpdk-native-$version-$(processor_id)
	mkdir -p "$PVQ_CACHE"
	exec 6>"$PVQ_CACHE/.lock-native"
	flock 6
	if [[ ! -f $prefix/.complete ]]; then
		PVQ_APT=$PVQ_WORK/apt
		install -d -m 755 "$PVQ_APT"
		chmod 711 "$PVQ_WORK"
		pvq_quiet "source package $name $version" "$PVQ_WORK/native-fetch.log" \
			pvq_fetch_source "$name" "$version" ||
			pvq_die "cannot get the source package $name $version"
		# The prefix is built into what is installed, so it cannot be moved there afterwards.
		rm -rf "$prefix"
		pvq_quiet "DPDK for this processor" "$PVQ_BUILD_DIR/logs/native.log" \
			build_native "$prefix" || pvq_die "DPDK does not build"
		: >"$prefix/.complete"
		rm -rf "$PVQ_APT" "$PVQ_WORK/native-build"
	fi
	exec 6>&-
	export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
}

# Let programs find the libraries of the DPDK that pkg-config names.
find_libraries()
{
	local prefix
	pkg-config --exists --print-errors libdpdk || pvq_die "pkg-config finds no libdpdk"
	prefix=$(pkg-config --variable=prefix libdpdk)
	if [[ $prefix != /usr ]]; then
		LD_LIBRARY_PATH=$(pkg-config --variable=libdir libdpdk)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
		export LD_LIBRARY_PATH
	fi
	pvq_say "DPDK $(pkg-config --modversion libdpdk) in $prefix"
}

pvq_step "packages"
pvq_install_packages bench
pvq_step "DPDK"
((native == 0)) || use_native
find_libraries
pvq_sdk_headers
pvq_step "build"
name=bench-$(pkg-config --modversion libdpdk)
((native == 0)) || name+=-native
pvq_build "$name" || pvq_die "the build failed"
pvq_stage_plugin "$name"
output=$(realpath -m "${output:-$PVQ_BUILD_DIR/bench}")
mkdir -p "$output"
pvq_step "measuring"
choose_memory
flags=$(pkg-config --cflags libdpdk | tr ' ' '\n' | grep -E '^-m' | paste -s -d ' ' || true)
pvq_foreground env TMPDIR="$PVQ_WORK" /usr/bin/python3 "$PVQ_ROOT/devtools/bench.py" "${args[@]}" \
	--program "$PVQ_BUILD_DIR/$name/app/pvq-perf/dpdk-pvq-perf" --plugin "$PVQ_PLUGIN" \
	--output "$output" --flags="$flags" --eal="${memory[*]}" ||
	pvq_die "not everything could be measured; what there is: $output"
pvq_say "results: $output/results.rst, $output/results.json"
