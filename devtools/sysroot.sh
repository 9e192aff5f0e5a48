# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
# shellcheck shell=bash
#
# Debian's aarch64 packages of DPDK and of what the tests need, unpacked into a folder of our own:
# the system's list of architectures and of packages stays as it is. To be sourced after lib.sh.
# Results come back in variables:
#   PVQ_SYSROOT      set by pvq_sysroot
#   PVQ_SYSROOT_LACK why there can be none; empty if there can

PVQ_SYSROOT=
PVQ_SYSROOT_LACK=
PVQ_SYSROOT_LIBS=usr/lib/aarch64-linux-gnu
# Of DPDK's drivers, the ones that tests run: loading them all takes an emulator seconds.
PVQ_SYSROOT_PMDS=(bus_pci bus_vdev mempool_ring)

# Set PVQ_SYSROOT_LACK.
pvq_sysroot_possible()
{
	PVQ_SYSROOT_LACK=
	if [[ $(dpkg --print-architecture) != amd64 ]]; then
		PVQ_SYSROOT_LACK="only done on amd64"
	elif ! pvq_dpdk_is_debian; then
		PVQ_SYSROOT_LACK="the DPDK of PKG_CONFIG_PATH is for this processor"
	fi
	[[ -z $PVQ_SYSROOT_LACK ]]
}

# apt for a system of aarch64 on which nothing is installed.
pvq_apt_aarch64()
{
	pvq_apt_private apt-get -y -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
		-o Dir::State="$PVQ_APT/state" -o Dir::State::status="$PVQ_APT/status" \
		--no-install-recommends "$@"
}

# Fetch packages, with all they depend on, into $PVQ_APT/cache/archives. Runs under pvq_quiet.
pvq_fetch_aarch64()
{
	install -d "$PVQ_APT/state" "$PVQ_APT/lists/partial" "$PVQ_APT/cache/archives/partial"
	: >"$PVQ_APT/status"
	# apt fetches as its own user, who must be able to write there.
	if ((EUID == 0)) && id -u _apt >/dev/null 2>&1; then
		chown _apt "$PVQ_APT/lists/partial" "$PVQ_APT/cache/archives/partial"
	fi
	# Other sources than Debian's need not have this architecture; what is missing shows below.
	pvq_apt_aarch64 update || true
	pvq_apt_aarch64 install --download-only "$@"
}

# pvq_unpack_aarch64 FOLDER: headers and libraries of all packages fetched. Runs under pvq_quiet.
pvq_unpack_aarch64()
{
	local root=$1 package link target name keep=()
	mkdir -p "$root/usr/lib"
	# Both of these are one in Debian, and packages name either.
	ln -s usr/lib "$root/lib"
	for package in "$PVQ_APT"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" || return 1
	done | tar -x --ignore-zeros -C "$root" --no-same-owner --keep-directory-symlink --wildcards \
		--exclude='librte_*.a' --exclude='*/perl*' './lib/ld-linux-*' \
		'./lib/aarch64-linux-gnu*' './usr/lib/aarch64-linux-gnu*' './usr/include*' || return 1
	for name in "${PVQ_SYSROOT_PMDS[@]}"; do
		keep+=(! -name "librte_$name.so*")
	done
	find "$root/$PVQ_SYSROOT_LIBS"/dpdk/pmds-* -mindepth 1 "${keep[@]}" -delete
	# A linker follows an absolute link to this system's own library.
	find "$root" -lname '/*' -printf '%p %l\n' | while read -r link target; do
		ln -sfr "$root$target" "$link"
	done
	find "$root" -xtype l -delete
}

# pvq_sysroot PACKAGE...: set PVQ_SYSROOT to a folder with Debian's aarch64 packages, of DPDK the
# version that is installed here.
pvq_sysroot()
{
	local version wanted dir part
	version=$(dpkg-query -W -f '${Version}' libdpdk-dev)
	wanted=("libdpdk-dev=$version" "$@")
	dir=$PVQ_CACHE/aarch64-$version-$(cksum <<<"${wanted[*]} ${PVQ_SYSROOT_PMDS[*]}" | cut -d ' ' -f 1)
	if [[ ! -d $dir ]]; then
		PVQ_APT=$PVQ_WORK/apt-aarch64
		install -d -m 755 "$PVQ_APT"
		chmod 711 "$PVQ_WORK"
		pvq_quiet "aarch64 packages" "$PVQ_WORK/sysroot.log" \
			pvq_fetch_aarch64 "${wanted[@]}" || return 1
		mkdir -p "$PVQ_CACHE"
		part=$(mktemp -d "$PVQ_CACHE/aarch64.XXXXXX")
		PVQ_TEMP+=("$part")
		pvq_quiet "unpacking them" "$PVQ_WORK/sysroot.log" pvq_unpack_aarch64 "$part" ||
			return 1
		sed -i "s|/usr|$dir/usr|g" "$part/$PVQ_SYSROOT_LIBS"/pkgconfig/*.pc
		chmod 755 "$part"
		# Whole or not at all, also when two of us get here; -T so that it does not nest.
		mv -T "$part" "$dir" 2>/dev/null || [[ -d $dir ]] || return 1
		rm -rf "$PVQ_APT"
	fi
	pvq_say "DPDK $version for aarch64: $dir"
	PVQ_SYSROOT=$dir
}

# pvq_cross_file FILE: what meson has to know to build for PVQ_SYSROOT.
pvq_cross_file()
{
	cat >"$1" <<-END
		[binaries]
		c = 'aarch64-linux-gnu-gcc'
		ar = 'aarch64-linux-gnu-gcc-ar'
		strip = 'aarch64-linux-gnu-strip'
		pkgconfig = 'pkg-config'
		exe_wrapper = ['qemu-aarch64', '-L', '$PVQ_SYSROOT']

		[built-in options]
		c_args = ['--sysroot=$PVQ_SYSROOT']
		c_link_args = ['--sysroot=$PVQ_SYSROOT']

		[properties]
		pkg_config_libdir = '$PVQ_SYSROOT/$PVQ_SYSROOT_LIBS/pkgconfig'

		[host_machine]
		system = 'linux'
		cpu_family = 'aarch64'
		cpu = 'armv8-a'
		endian = 'little'
	END
}
