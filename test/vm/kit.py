# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""What guests are made of, as devtools/vm.sh has left it in the environment."""

import glob
import os
import platform
import shutil

from image import image
from rig import plugin, program

QEMU = "qemu-system-x86_64"


def lack():
    """Why there can be no guest; None if there can."""
    told = os.environ.get("PVQ_GUEST_LACK")
    if told:
        return told
    if platform.machine() != "x86_64":
        return "guests are x86-64 ones, as EAL's drivers here are not"
    if not shutil.which(QEMU):
        return f"no {QEMU} (package qemu-system-x86)"
    if not shutil.which("busybox"):
        return "no busybox (package busybox-static)"
    if not os.environ.get("PVQ_GUEST_LINUX"):
        return "PVQ_GUEST_LINUX does not name a folder with an unpacked package linux-image-*"
    return None


def newest_lack():
    """Why there is no newer QEMU than the distribution's; None if there is."""
    if os.environ.get("PVQ_QEMU_NEWEST"):
        return None
    return os.environ.get("PVQ_QEMU_NEWEST_LACK") or (
        "PVQ_QEMU_NEWEST does not name a folder with unpacked packages of QEMU")


class Kit:
    """QEMU's command, its environment, the kernel, the image, the plugin and testpmd."""

    def __init__(self, newest=False):
        self.plugin = plugin()
        self.program = os.path.realpath(shutil.which(program()))
        linux = os.environ["PVQ_GUEST_LINUX"]
        self.linux, = glob.glob(os.path.join(linux, "boot", "vmlinuz-*"))
        self.image = image(os.path.join(linux, "lib", "modules"), self.program)
        self.qemu = [QEMU]
        self.env = {}
        if newest:
            usr = os.path.join(os.environ["PVQ_QEMU_NEWEST"], "usr")
            self.qemu = [os.path.join(usr, "bin", QEMU), "-L", os.path.join(usr, "share", "qemu"),
                         "-L", os.path.join(usr, "share", "seabios")]
            self.env = {"LD_LIBRARY_PATH": os.path.join(usr, "lib", "x86_64-linux-gnu")}
