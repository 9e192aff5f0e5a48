# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""The guest's files: an archive that Linux unpacks into memory when it boots.

All comes from packages of the distribution: busybox, the kernel's modules, testpmd with its
libraries and a few drivers. Files stand where they do on this system and symbolic links stay such:
a driver that EAL meets under two names must be one file, or it registers itself twice.

The archive is kept in ~/.cache/pvq under a name made of what is in it. What differs from guest to
guest (the plugin, what to run) is a second archive behind the first.
"""

import glob
import hashlib
import os
import re
import stat
import subprocess
import tempfile
import time

# In the order of their dependencies. Kernels may lack some or have them built in.
MODULES = ("irqbypass", "vfio", "vfio_iommu_type1", "vfio_virqfd", "vfio-pci-core", "vfio-pci",
           "uio", "uio_pci_generic")
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_virtio")
FOLDERS = ("dev", "proc", "sys", "tmp", "run", "var", "pvq", "pvq/modules")
PLUGIN = "/pvq/librte_net_pvq.so"
UNUSED_FOR = 7 * 24 * 3600

INIT = """#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/hugepages /var/run
mount -t hugetlbfs huge /dev/hugepages
# EAL loads no plugin from below a folder that everybody may write to.
chmod 755 /
ip link set lo up
for module in MODULES; do
	[ ! -e /pvq/modules/$module.ko ] || insmod /pvq/modules/$module.ko
done

hugepages()
{
	echo "$1" >/proc/sys/vm/nr_hugepages
}

# bind FUNCTION DRIVER
bind()
{
	echo "$2" >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ -e "/sys/bus/pci/drivers/$2/$1" ] || echo "$1 is not bound to $2" >/dev/ttyS0
}

# Another console than the kernel's, whose messages would stand between ours.
run()
{
	setsid -c "$@" </dev/ttyS0 >/dev/ttyS0 2>&1
	echo "$1 ended with status $?" >/dev/ttyS0
}

. /pvq/run
poweroff -f
""".replace("MODULES", " ".join(MODULES))


class Archive:
    """Files for an archive in the format `newc` of cpio."""

    def __init__(self):
        self._entries = {}  # name: (mode, source path or bytes)

    def folder(self, name):
        """A folder with those above it."""
        above = ""
        for part in name.strip("/").split("/"):
            above += part
            self._entries.setdefault(above, (stat.S_IFDIR | 0o755, b""))
            above += "/"

    def write(self, name, text, mode=0o644):
        """A file with this text."""
        self._put(name, stat.S_IFREG | mode, text.encode())

    def copy(self, name, source, mode=None):
        """A file with the content of another."""
        self._put(name, stat.S_IFREG | (mode or os.stat(source).st_mode & 0o755), source)

    def mirror(self, path):
        """A file at the place where it has on this system, by the same links."""
        above = "/"
        for part in path.strip("/").split("/"):
            here = os.path.join(above, part)
            if os.path.islink(here):
                target = os.readlink(here)
                self._put(here, stat.S_IFLNK | 0o777, target.encode())
                rest = path[len(here):].lstrip("/")
                self.mirror(os.path.normpath(os.path.join(above, target, rest)))
                return
            above = here
        self.copy(path, path)

    def _put(self, name, mode, content):
        name = name.strip("/")
        if os.path.dirname(name):
            self.folder(os.path.dirname(name))
        self._entries[name] = (mode, content)

    def key(self):
        """A name for all this, another one when a file has changed."""
        found = hashlib.sha256()
        for name, (mode, content) in sorted(self._entries.items()):
            if isinstance(content, str):
                status = os.stat(content)
                content = f"{content} {status.st_size} {status.st_mtime_ns}".encode()
            found.update(b"%s\0%o\0%d\0%s" % (name.encode(), mode, len(content), content))
        return found.hexdigest()[:16]

    def save(self, file):
        """Write the archive to an open file."""
        for number, (name, (mode, content)) in enumerate(sorted(self._entries.items()), 1):
            if isinstance(content, str):
                with open(content, "rb") as source:
                    content = source.read()
            _entry(file, number, name, mode, content)
        _entry(file, 0, "TRAILER!!!", 0, b"")


def _entry(file, number, name, mode, content):
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    file.write(head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4))


def libraries(*programs):
    """Paths of the shared libraries that programs need."""
    text = subprocess.run(["ldd", *programs], stdout=subprocess.PIPE, text=True, check=True,
                          timeout=30).stdout
    lacking = re.findall(r"^\s*(\S+) => not found", text, re.M)
    assert not lacking, f"not found: {lacking}"
    return sorted(set(re.findall(r"(/\S+) \(0x", text)))


def driver_folder(program):
    """Where the EAL of a testpmd looks for drivers."""
    eal = next(path for path in libraries(program) if "/librte_eal.so." in path)
    version = os.path.basename(os.path.realpath(eal)).partition(".so.")[2]
    return os.path.join(os.path.dirname(os.path.realpath(eal)), "dpdk", f"pmds-{version}")


def cache():
    """What is worth keeping between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "pvq")


def _collect(kernel, program):
    archive = Archive()
    for name in FOLDERS:
        archive.folder(name)
    archive.write("init", INIT, 0o755)
    archive.mirror("/bin/busybox")
    for module in MODULES:
        for path in glob.glob(os.path.join(kernel, "**", f"{module}.ko"), recursive=True):
            archive.copy(f"pvq/modules/{module}.ko", path)
    folder = driver_folder(program)
    drivers = [path for name in DRIVERS
               for path in glob.glob(os.path.join(folder, f"librte_{name}.so*"))]
    assert len(drivers) >= len(DRIVERS), f"{folder} lacks some of {DRIVERS}"
    needed = libraries(program, *drivers)
    # pthread_cancel() loads it by itself, when EAL ends its channel between processes.
    libc = next(path for path in needed if os.path.basename(path) == "libc.so.6")
    needed.append(os.path.join(os.path.dirname(libc), "libgcc_s.so.1"))
    for path in (program, *drivers, *needed):
        archive.mirror(path)
        # The name by which a program finds a driver that has no path to that folder in it.
        beside = os.path.join(folder, "..", "..", os.path.basename(path))
        if os.path.dirname(path) == folder and os.path.lexists(beside):
            archive.mirror(os.path.normpath(beside))
    return archive


def image(kernel, program):
    """Path of the archive for a folder with a kernel's modules and for a testpmd."""
    archive = _collect(kernel, program)
    folder = os.path.join(cache(), "guest")
    path = os.path.join(folder, f"{archive.key()}.cpio")
    os.makedirs(folder, exist_ok=True)
    if os.path.exists(path):
        os.utime(path)
        return path
    for old in glob.glob(os.path.join(folder, "*.cpio*")):
        if time.time() - os.path.getmtime(old) > UNUSED_FOR:
            os.unlink(old)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".cpio.part", delete=False) as file:
        try:
            archive.save(file)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
    return path


def guest_files(path, base, plugin, script, more=()):
    """Write what one guest unpacks: a base, the plugin, the script to run, (name, file) pairs."""
    archive = Archive()
    archive.copy(PLUGIN, plugin)
    archive.write("pvq/run", script)
    for name, source in more:
        archive.copy(name, source)
    with open(path, "wb") as file, open(base, "rb") as source:
        while block := source.read(1 << 20):
            file.write(block)
        archive.save(file)
