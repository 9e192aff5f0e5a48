# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
# shellcheck shell=bash
#
# What the guests of test/vm consist of, from the distribution's packages: QEMU and busybox are
# installed; a kernel, and a newer QEMU from the backports, are unpacked into folders of our own,
# and the system's sources of packages stay as they are. To be sourced after lib.sh. Results come
# back in variables, all exported:
#   PVQ_GUEST_LACK        why there can be no guest; empty if there can
#   PVQ_GUEST_LINUX       folder with an unpacked kernel package
#   PVQ_QEMU_NEWEST       folder with the unpacked packages of the newer QEMU; empty if there is none
#   PVQ_QEMU_NEWEST_LACK  why there is none

export PVQ_GUEST_LACK='' PVQ_GUEST_LINUX='' PVQ_QEMU_NEWEST='' PVQ_QEMU_NEWEST_LACK=''
PVQ_GUEST_KERNEL=linux-image-cloud-amd64

# pvq_apt_folder NAME: an empty folder $PVQ_APT for pvq_apt_private.
pvq_apt_folder()
{
	PVQ_APT=$PVQ_WORK/$1
	rm -rf "$PVQ_APT"
	install -d -m 755 "$PVQ_APT"/{sources,lists/partial,cache/archives/partial,download,unpacked}
	# apt fetches as its own user, who must be able to write there.
	chmod 711 "$PVQ_WORK"
	if ((EUID == 0)) && id -u _apt >/dev/null 2>&1; then
		chown _apt "$PVQ_APT"/{download,lists/partial,cache/archives/partial}
	fi
}

# pvq_keep FOLDER: make $PVQ_APT/unpacked that folder of the cache.
pvq_keep()
{
	local part
	mkdir -p "$PVQ_CACHE"
	part=$(mktemp -d -p "$PVQ_CACHE")
	PVQ_TEMP+=("$part")
	cp -a "$PVQ_APT/unpacked/." "$part"
	chmod 755 "$part"
	# Whole or not at all, also when two of us get here; -T so that it does not nest.
	mv -T "$part" "$1" 2>/dev/null || [[ -d $1 ]]
	rm -rf "$PVQ_APT"
}

# The kernel's package that the meta package stands for, as "name=version"; the arguments are an
# apt-cache to ask.
pvq_guest_kernel()
{
	{ "$@" show --no-all-versions "$PVQ_GUEST_KERNEL" 2>/dev/null || true; } |
		sed -nE 's/^Depends: (linux-image-[^ ,]*) \(= ([^)]*)\).*/\1=\2/p'
}

# Runs under pvq_quiet.
pvq_fetch_kernel()
{
	local package
	package=$(pvq_guest_kernel apt-cache)
	if [[ -z $package ]] ||
		! (cd "$PVQ_APT/download" && apt-get -q -o Acquire::Retries=3 download "$package")
	then
		# No lists on this system, or ones that have gone past that version.
		pvq_apt_private apt-get update || return 1
		package=$(pvq_guest_kernel pvq_apt_private apt-cache)
		[[ -n $package ]] || { echo "error: no $PVQ_GUEST_KERNEL"; return 1; }
		(cd "$PVQ_APT/download" && pvq_apt_private apt-get download "$package") || return 1
	fi
	dpkg-deb --fsys-tarfile "$PVQ_APT"/download/linux-image-*.deb |
		tar -x -C "$PVQ_APT/unpacked" --no-same-owner --wildcards './boot/vmlinuz-*' \
			'./lib/modules/*/kernel/virt/*' './lib/modules/*/kernel/drivers/vfio/*' \
			'./lib/modules/*/kernel/drivers/uio/*'
}

# Set PVQ_GUEST_LINUX, or PVQ_GUEST_LACK.
pvq_guest_linux()
{
	local package dir
	package=$(pvq_guest_kernel apt-cache)
	dir=$PVQ_CACHE/guest-${package:-linux}
	if [[ ! -d $dir ]]; then
		pvq_apt_folder apt-guest
		if ! pvq_quiet "package $PVQ_GUEST_KERNEL" "$PVQ_WORK/guest-linux.log" \
			pvq_fetch_kernel || ! pvq_keep "$dir"
		then
			PVQ_GUEST_LACK="apt brings no $PVQ_GUEST_KERNEL"
			return
		fi
	fi
	pvq_say "the guests' kernel: $dir"
	PVQ_GUEST_LINUX=$dir
}

# Runs under pvq_quiet.
pvq_fetch_qemu()
{
	local codename=$1 installed candidate package
	local from=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$PVQ_APT/sources")
	/usr/bin/python3 "$PVQ_ROOT/devtools/deb_src.py" "$PVQ_APT/sources" \
		"$codename" "$codename-backports" || return 1
	pvq_apt_private apt-get "${from[@]}" update || return 1
	installed=$(dpkg-query -W -f '${Version}' qemu-system-x86)
	candidate=$(pvq_apt_private apt-cache "${from[@]}" -o APT::Default-Release="$codename-backports" \
		policy qemu-system-x86 | awk '$1 == "Candidate:" { print $2 }')
	if ! dpkg --compare-versions "${candidate:-0}" gt "$installed"; then
		echo "error: $codename-backports has no newer QEMU than $installed"
		return 1
	fi
	# What an upgrade would bring. A qemu-user of the same version is nothing to do with it; a
	# minus asks for its removal, which nobody carries out.
	pvq_apt_private apt-get "${from[@]}" -y -o Debug::NoLocking=true --no-install-recommends \
		--download-only -t "$codename-backports" install qemu-system-x86 qemu-user- || return 1
	for package in "$PVQ_APT"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" || return 1
	done | tar -x --ignore-zeros -C "$PVQ_APT/unpacked" --no-same-owner --keep-directory-symlink \
		--wildcards './usr/bin/qemu-system-x86_64' './usr/lib/*.so*' './usr/share/qemu*' \
		'./usr/share/seabios*'
}

# Set PVQ_QEMU_NEWEST, or PVQ_QEMU_NEWEST_LACK. One that is in the cache is taken as it is: remove its
# folder to have a newer one fetched.
pvq_newest_qemu()
{
	local codename dir
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
	dir=$PVQ_CACHE/qemu-$codename-backports
	if [[ ! -d $dir ]]; then
		pvq_apt_folder apt-qemu
		if ! pvq_quiet "QEMU from $codename-backports" "$PVQ_WORK/qemu.log" \
			pvq_fetch_qemu "$codename" || ! pvq_keep "$dir"
		then
			PVQ_QEMU_NEWEST_LACK="no newer QEMU: $(grep -E '^(error|E):' "$PVQ_WORK/qemu.log" |
				head -n 1 || true)"
			return
		fi
	fi
	pvq_say "the newest QEMU: $dir"
	PVQ_QEMU_NEWEST=$dir
}

# Set all of the results.
pvq_guest()
{
	if [[ $(dpkg --print-architecture) != amd64 ]]; then
		PVQ_GUEST_LACK="guests are amd64 ones, with the drivers of this system"
	elif ! pvq_try_packages guest; then
		PVQ_GUEST_LACK="apt cannot install the packages of the guests: $PVQ_PACKAGES_MISSING"
	else
		pvq_guest_linux
	fi
	if [[ -n $PVQ_GUEST_LACK ]]; then
		pvq_say "no guests: $PVQ_GUEST_LACK"
	else
		pvq_newest_qemu
	fi
}
