# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
# shellcheck shell=bash
#
# Which packages are needed for what, and their installation. A part of lib.sh.

pvq_dpdk_is_debian()
{
	[[ $(pkg-config --variable=prefix libdpdk 2>/dev/null) == /usr ]]
}

# The packages of a set, one a line.
pvq_package_set()
{
	if [[ $1 == guest ]]; then
		printf '%s\n' qemu-system-x86 busybox-static
		return
	fi
	local packages=(gcc libc6-dev python3 meson ninja-build pkgconf libnuma-dev)
	# A DPDK that the user has put into PKG_CONFIG_PATH stands in for the distribution's.
	if ! command -v pkg-config >/dev/null || ! pkg-config --exists libdpdk || pvq_dpdk_is_debian
	then
		packages+=(libdpdk-dev dpdk-dev dpkg-dev)
	fi
	if [[ $1 == test || $1 == bench ]]; then
		packages+=(libjansson-dev gnuplot-nox)
	fi
	# To build a DPDK from its source package.
	if [[ $1 == bench ]]; then
		packages+=(dpkg-dev python3-pyelftools)
	fi
	# The traffic program is built with the tests.
	if [[ $1 == soak ]]; then
		packages+=(libcmocka-dev)
	fi
	[[ $1 != fuzz ]] || packages+=(clang libclang-rt-14-dev llvm binutils)
	if [[ $1 == test ]]; then
		packages+=(clang libclang-rt-14-dev libcmocka-dev valgrind procps binutils gcovr
			python3-pytest python3-pytest-xdist python3-pyelftools python3-sphinx python3-sphinx-rtd-theme
			dpdk openvswitch-switch-dpdk spin)
		# They come for amd64; sysroot.sh has the rest of what builds for aarch64.
		[[ $(dpkg --print-architecture) != amd64 ]] ||
			packages+=(gcc-aarch64-linux-gnu qemu-user)
	fi
	printf '%s\n' "${packages[@]}"
}

pvq_apt()
{
	env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"
}

# Another apt-get may hold the lists, for which apt has no time-out.
pvq_apt_update()
{
	local try
	for try in 1 2 3 4 5 6; do
		! pvq_apt update || return 0
		sleep $((try * 5))
	done
	return 1
}

# Some packages (Open vSwitch) would start a service when they are installed, and nobody asked
# for one. This answers no while this process lives: if it is killed, nothing stays in force.
pvq_no_services()
{
	[[ ! -e $PVQ_POLICY ]] || return 0
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n# pvq %d\n[ -d /proc/%d ] && exit 101\nrm -f "$0"\nexit 0\n' \
		$$ $$ >"$PVQ_POLICY"
	chmod 755 "$PVQ_POLICY"
}

pvq_services_again()
{
	! grep -qsx "# pvq $$" "$PVQ_POLICY" || rm -f "$PVQ_POLICY"
}

# pvq_try_packages SET: install what of it is missing, and only that. Where that fails, the status is
# 1 and PVQ_PACKAGES_MISSING the missing packages.
pvq_try_packages()
{
	local package missing=() state done=1
	PVQ_PACKAGES_MISSING=
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		pvq_die "this script installs packages with apt, which this system lacks." \
			"Build by hand: see README.md"
	fi
	while read -r package; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
		[[ $state == installed ]] || missing+=("$package")
	done < <(pvq_package_set "$1")
	if ((${#missing[@]} == 0)); then
		pvq_say "every package needed is installed"
		return
	fi
	PVQ_PACKAGES_MISSING=${missing[*]}
	pvq_say "installing: ${missing[*]}"
	if ((EUID != 0)); then
		pvq_say "not root. Run: apt-get install --no-install-recommends ${missing[*]}"
		return 1
	fi
	mkdir -p "$PVQ_CACHE"
	exec 7>"$PVQ_CACHE/.lock-apt"
	flock 7
	pvq_no_services
	if ! pvq_quiet "apt-get update" "$PVQ_WORK/apt-update.log" pvq_apt_update; then
		pvq_say "apt cannot read the package lists"
		done=0
	elif ! pvq_quiet "apt-get install" "$PVQ_WORK/apt-install.log" \
		pvq_apt install --no-install-recommends "${missing[@]}"
	then
		pvq_say "apt cannot install ${missing[*]}"
		done=0
	fi
	pvq_services_again
	exec 7>&-
	((done))
}

# pvq_install_packages demo|test|bench|soak: the same for what nothing goes without.
pvq_install_packages()
{
	pvq_try_packages "$1" || pvq_die "packages are missing: $PVQ_PACKAGES_MISSING"
}
