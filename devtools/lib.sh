# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
# shellcheck shell=bash disable=SC2034
#
# What the scripts in this folder share: messages, packages, DPDK's driver headers, the build.
# To be sourced by a bash script under `set -euo pipefail`. Results come back in variables:
#   PVQ_ROOT         the repository
#   PVQ_BUILD_DIR    where build folders go (from the environment; default <repository>/build)
#   PVQ_CACHE        what is worth keeping between runs
#   PVQ_WORK         a private temporary folder, removed when the script ends
#   PVQ_SDK_HEADERS  set by pvq_sdk_headers
#   PVQ_PLUGIN       set by pvq_stage_plugin
#   PVQ_TESTPMD      set by pvq_find_dpdk
#   PVQ_PACKAGES_MISSING  set by pvq_try_packages
#   PVQ_PAGES        hugepages that pages.sh has added, which go back when the script ends

# Nothing here asks a question, and a closed stdin would give its number to some other file.
exec </dev/null
export LC_ALL=C.UTF-8
# meson and pytest need the modules of the system's own python3.
export PATH="/usr/bin:/usr/sbin:/bin:/sbin:$PATH"
export PYTHONDONTWRITEBYTECODE=1

PVQ_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PVQ_HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
PVQ_CACHE=${XDG_CACHE_HOME:-$PVQ_HOME/.cache}/pvq
PVQ_BUILD_DIR=$(realpath -m "${PVQ_BUILD_DIR:-$PVQ_ROOT/build}")
PVQ_SDK_HEADERS=
PVQ_PLUGIN=
PVQ_TESTPMD=
PVQ_TEMP=()
PVQ_JOB=
PVQ_WORK=$(mktemp -d "${TMPDIR:-/tmp}/pvq.XXXXXX")
PVQ_POLICY=/usr/sbin/policy-rc.d
PVQ_PAGES=0

# -- messages ---------------------------------------------------------------------------------

pvq_step() { printf '\n== %s\n' "$*"; }
pvq_say() { printf '   %s\n' "$*"; }
pvq_die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# -- life -------------------------------------------------------------------------------------

# The job that pvq_spawn started is a process group of its own, ended as a whole.
pvq_end_job()
{
	[[ -n $PVQ_JOB ]] || return 0
	kill -TERM -- "-$PVQ_JOB" 2>/dev/null || true
	for _ in {1..50}; do
		kill -0 -- "-$PVQ_JOB" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$PVQ_JOB" 2>/dev/null || true
	PVQ_JOB=
}

# pvq_living FOLDER: "PID command" of the processes that have FOLDER, or one in it, as TMPDIR.
# What a test starts as a daemon leaves our process group but keeps that.
pvq_living()
{
	local environ pid
	for environ in /proc/[0-9]*/environ; do
		grep -qzF "TMPDIR=$1" "$environ" 2>/dev/null || continue
		pid=${environ//[^0-9]/}
		printf '%s %s\n' "$pid" "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
	done 2>/dev/null
}

pvq_at_exit()
{
	local pid
	trap '' INT TERM HUP
	pvq_end_job
	while read -r pid _; do
		kill -KILL "$pid" 2>/dev/null || true
	done < <(pvq_living "$PVQ_WORK")
	pvq_services_again
	((PVQ_PAGES == 0)) || pvq_add_pages $((-PVQ_PAGES)) || true
	if ((${#PVQ_TEMP[@]})); then
		rm -rf -- "${PVQ_TEMP[@]}"
	fi
}

trap pvq_at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

PVQ_TEMP+=("$PVQ_WORK")

# Start a command as PVQ_JOB. In the background, because bash runs a trap only between
# foreground commands, and as a group, so that its children can be ended with it.
pvq_spawn()
{
	set -m
	"$@" &
	PVQ_JOB=$!
	set +m
}

# Run a command in sight of the user, endable at any moment.
pvq_foreground()
{
	local status=0
	pvq_spawn "$@"
	wait "$PVQ_JOB" || status=$?
	PVQ_JOB=
	return "$status"
}

# pvq_quiet TITLE LOG COMMAND...: output goes to LOG, a sign of life to the terminal, and on
# failure the end of LOG as well.
pvq_quiet()
{
	local title=$1 log=$2 began=$SECONDS told=0 status=0 last
	shift 2
	mkdir -p "$(dirname "$log")"
	pvq_spawn "$@" >"$log" 2>&1
	while kill -0 "$PVQ_JOB" 2>/dev/null; do
		sleep 0.2
		if [[ -t 1 ]]; then
			last=$(tail -c 300 "$log" | tr '\r' '\n' | tail -n 1 | cut -c1-60)
			printf '\r\033[K   %s, %d s: %s' "$title" $((SECONDS - began)) "$last"
		elif ((SECONDS - began - told >= 15)); then
			told=$((SECONDS - began))
			pvq_say "$title, $told s so far"
		fi
	done
	wait "$PVQ_JOB" || status=$?
	PVQ_JOB=
	[[ ! -t 1 ]] || printf '\r\033[K'
	if ((status)); then
		pvq_say "$title: failed with status $status after $((SECONDS - began)) s"
		{
			grep -E '(\berror|ERROR|^E):|^E: ' "$log" | head -n 10 || true
			echo ...
			tail -n 15 "$log"
		} | sed 's/^/   | /'
		pvq_say "the whole of it: $log"
		return "$status"
	fi
	pvq_say "$title: done in $((SECONDS - began)) s"
}

# shellcheck source-path=SCRIPTDIR
. "$PVQ_ROOT/devtools/packages.sh"

# Find DPDK and the testpmd that goes with it.
pvq_find_dpdk()
{
	local prefix
	pkg-config --exists --print-errors libdpdk || pvq_die "pkg-config finds no libdpdk"
	prefix=$(pkg-config --variable=prefix libdpdk)
	PVQ_TESTPMD=$prefix/bin/dpdk-testpmd
	[[ -x $PVQ_TESTPMD ]] || pvq_die "the DPDK in $prefix has no bin/dpdk-testpmd"
	if [[ $prefix != /usr ]]; then
		LD_LIBRARY_PATH=$(pkg-config --variable=libdir libdpdk)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
		export LD_LIBRARY_PATH
	fi
	pvq_say "DPDK $(pkg-config --modversion libdpdk) in $prefix"
}

# -- driver headers ---------------------------------------------------------------------------

PVQ_SDK_WAYS="Ways out: install a DPDK built with -Denable_driver_sdk=true and name its pkgconfig \
folder in PKG_CONFIG_PATH, or bring libdpdk-dev up to date with the archive (apt-get update, then \
apt-get install libdpdk-dev dpdk-dev), or put the driver headers of exactly that version into"

# apt-get or apt-cache with lists and caches of its own in $PVQ_APT. Signatures and hashes are
# checked whatever the system's configuration says.
pvq_apt_private()
{
	local tool=$1
	shift
	"$tool" -q -o Dir::State::Lists="$PVQ_APT/lists" -o Dir::Cache="$PVQ_APT/cache" \
		-o Acquire::Languages=none -o Acquire::Retries=3 \
		-o APT::Get::AllowUnauthenticated=false -o Acquire::AllowInsecureRepositories=false \
		-o Acquire::AllowWeakRepositories=false "$@"
}

pvq_apt_source()
{
	pvq_apt_private apt-get -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$PVQ_APT/sources" "$@"
}

# Where the installed version of a package is to be had: one "URI suite" a line.
pvq_origins()
{
	"$@" madison libdpdk-dev | /usr/bin/python3 -c '
import sys
for line in sys.stdin:
    _, version, where = (part.strip() for part in line.split("|"))
    if version == sys.argv[1] and where.endswith(" Packages"):
        uri, path = where.split()[:2]
        print(uri, path.rpartition("/")[0])
' "$(dpkg-query -W -f '${Version}' libdpdk-dev)" | sort -u
}

# Fetch a source package into $PVQ_APT/unpacked. Runs under pvq_quiet.
pvq_fetch_source()
{
	local name=$1 version=$2 origins dsc
	install -d "$PVQ_APT/sources" "$PVQ_APT/lists/partial" "$PVQ_APT/cache/archives/partial" \
		"$PVQ_APT/download"
	# apt fetches as its own user, who must be able to write there.
	if ((EUID == 0)) && id -u _apt >/dev/null 2>&1; then
		chown _apt "$PVQ_APT/download" "$PVQ_APT/lists/partial"
	fi
	origins=$(pvq_origins apt-cache)
	if [[ -z $origins ]]; then
		# No lists on this system, or ones that have gone past the installed version.
		pvq_apt_private apt-get update || true
		origins=$(pvq_origins pvq_apt_private apt-cache)
	fi
	[[ -n $origins ]] || { echo "no source of packages has this libdpdk-dev"; return 1; }
	/usr/bin/python3 "$PVQ_ROOT/devtools/deb_src.py" "$PVQ_APT/sources" <<<"$origins" || return 1
	pvq_apt_source -o APT::Update::Error-Mode=any update || return 1
	# apt trusts an index by the signature over its Release file, and a downloaded file by
	# the hashes of it in that index: what is here now is what Debian published.
	(cd "$PVQ_APT/download" && pvq_apt_source source --download-only "$name=$version") || return 1
	dsc=$(find "$PVQ_APT/download" -name '*.dsc')
	[[ -f $dsc ]] || { echo "apt brought no .dsc"; return 1; }
	# --no-check: that test of the .dsc would want the uploader's key, which is in no keyring
	# that a plain system has. Unpacked, not just untarred, to have Debian's patches in.
	dpkg-source --no-check -x "$dsc" "$PVQ_APT/unpacked"
}

# Set PVQ_SDK_HEADERS to a folder with the headers that a driver needs and the installed DPDK
# lacks; leave it empty where DPDK has them.
pvq_sdk_headers()
{
	local flag dir source_name source_version part tree
	PVQ_SDK_HEADERS=
	for flag in $(pkg-config --cflags-only-I libdpdk); do
		if [[ -f ${flag#-I}/ethdev_driver.h ]]; then
			pvq_say "DPDK brings its driver headers"
			return
		fi
	done
	if ! pvq_dpdk_is_debian || ! dpkg-query -W libdpdk-dev >/dev/null 2>&1; then
		pvq_die "the DPDK in $(pkg-config --variable=prefix libdpdk) has no driver headers:" \
			"build it with -Denable_driver_sdk=true"
	fi
	read -r source_name source_version < <(
		dpkg-query -W -f '${source:Package} ${source:Version}\n' libdpdk-dev)
	dir=$PVQ_CACHE/dpdk-sdk-$source_version
	if [[ -f $dir/ethdev_driver.h ]]; then
		pvq_say "driver headers of $source_name $source_version: $dir"
		PVQ_SDK_HEADERS=$dir
		return
	fi
	PVQ_APT=$PVQ_WORK/apt
	# Everything down to it open to apt's own user; the folder is private by its name only
	# while nothing secret is in it.
	install -d -m 755 "$PVQ_APT"
	chmod 711 "$PVQ_WORK"
	pvq_quiet "source package $source_name $source_version" "$PVQ_WORK/sdk.log" \
		pvq_fetch_source "$source_name" "$source_version" ||
		pvq_die "cannot get the source package $source_name $source_version, which the driver" \
			"headers come from. $PVQ_SDK_WAYS $dir"
	mkdir -p "$PVQ_CACHE"
	part=$(mktemp -d "$PVQ_CACHE/dpdk-sdk.XXXXXX")
	PVQ_TEMP+=("$part")
	tree=$PVQ_APT/unpacked
	cp "$tree"/lib/ethdev/ethdev_{driver,pci,vdev}.h "$tree"/lib/eal/include/{bus,dev}_driver.h \
		"$tree"/drivers/bus/{pci,vdev}/bus_*_driver.h "$part"
	if [[ -f $tree/lib/ethdev/ethdev_linux_ethtool.h ]]; then
		cp "$tree/lib/ethdev/ethdev_linux_ethtool.h" "$part"
	fi
	chmod 755 "$part"
	# Whole or not at all, also when two of us get here; -T so that it does not nest.
	mv -T "$part" "$dir" 2>/dev/null || [[ -f $dir/ethdev_driver.h ]] ||
		pvq_die "cannot write $dir"
	rm -rf "$PVQ_APT"
	pvq_say "driver headers kept in $dir"
	PVQ_SDK_HEADERS=$dir
}

# -- build ------------------------------------------------------------------------------------

# pvq_build NAME [meson options...]: build into $PVQ_BUILD_DIR/NAME with $CC. A folder that was
# set up otherwise is set up afresh.
pvq_build()
{
	local name=$1 dir=$PVQ_BUILD_DIR/$1 log=$PVQ_BUILD_DIR/logs wanted status=0
	shift
	local setup=(meson setup "$dir" "$PVQ_ROOT" "$@")
	[[ -z $PVQ_SDK_HEADERS ]] || setup+=("-Dsdk_headers=$PVQ_SDK_HEADERS")
	wanted="${CC:-cc} DPDK $(pkg-config --modversion libdpdk) ${setup[*]}"
	mkdir -p "$PVQ_BUILD_DIR"
	exec 9>"$PVQ_BUILD_DIR/.lock-$name"
	flock 9
	if [[ ! -f $dir/build.ninja || $(cat "$dir/.pvq-setup" 2>/dev/null) != "$wanted" ]]; then
		[[ ! -e $dir || -d $dir/meson-private || -f $dir/.pvq-setup ]] ||
			pvq_die "$dir is in the way: it is not a build folder"
		rm -rf "$dir"
		mkdir -p "$dir"
		: >"$dir/.pvq-setup"
		pvq_quiet "meson setup $name" "$log/$name-setup.log" "${setup[@]}" || status=$?
		((status)) || printf '%s' "$wanted" >"$dir/.pvq-setup"
	fi
	((status)) || pvq_quiet "ninja $name" "$log/$name-ninja.log" ninja -C "$dir" \
		${PVQ_TARGETS:+"$PVQ_TARGETS"} || status=$?
	exec 9>&-
	return "$status"
}

# Whether every part of a path is safe from strangers; EAL loads no plugin from elsewhere.
pvq_safe_path()
{
	local path
	path=$(realpath "$1") || return 1
	while :; do
		(((8#$(stat -c %a "$path") & 2) == 0)) || return 1
		[[ $path != / ]] || return 0
		path=$(dirname "$path")
	done
}

# pvq_stage_plugin NAME: put a copy of the plugin that pvq_build NAME made where EAL accepts it,
# for the life of this script, and its path into PVQ_PLUGIN. The clone itself may be in /tmp,
# and a build that goes on meanwhile does not reach the copy.
pvq_stage_plugin()
{
	local built base dir
	built=$(find "$PVQ_BUILD_DIR/$1" -path '*/librte_net_pvq.so' | head -n 1)
	[[ -n $built ]] || pvq_die "the build made no librte_net_pvq.so"
	for base in "$PVQ_CACHE" /var/cache/pvq /run/pvq; do
		mkdir -p "$base" 2>/dev/null || continue
		pvq_safe_path "$base" || continue
		dir=$(mktemp -d "$base/plugin.XXXXXX" 2>/dev/null) || continue
		PVQ_TEMP+=("$dir")
		install -m 755 "$built" "$dir/librte_net_pvq.so"
		PVQ_PLUGIN=$dir/librte_net_pvq.so
		return
	done
	pvq_die "EAL loads no plugin from under a folder that anyone may write to: set XDG_CACHE_HOME" \
		"to a folder that is not ($PVQ_CACHE is)"
}
