# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Hugepages for one test: reserved and mounted if the machine allows it, given back afterwards."""

import ctypes
import os

import pytest

COUNT = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
FREE = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
PAGE_MB = 2

_libc = ctypes.CDLL(None, use_errno=True)


def _read(path):
    with open(path, encoding="ascii") as file:
        return int(file.read())


def _add(pages):
    """Change the count by so many; others may change it at the same time, so never to a value."""
    before = _read(COUNT)
    with open(COUNT, "w", encoding="ascii") as file:
        file.write(str(max(0, before + pages)))
    return _read(COUNT) - before


def reserve(box, megabytes):
    """Reserve hugepages until the test ends; skips the test where that is not possible."""
    pages = megabytes // PAGE_MB
    try:
        added = _add(pages)
    except OSError as error:
        pytest.skip(f"needs {megabytes} MB of hugepages of 2 MB: {error}")
    box.closers.append(lambda: _add(-added))
    if _read(FREE) < pages:
        pytest.skip(f"needs {megabytes} MB of hugepages of 2 MB: the kernel has only "
                    f"{_read(FREE) * PAGE_MB} MB to give")


def mount(box):
    """A hugetlbfs of the test's own, until the test ends; skips the test where there is none."""
    folder = box.path("huge")
    os.mkdir(folder)
    if _libc.mount(b"none", folder.encode(), b"hugetlbfs", 0, b"pagesize=2M"):
        pytest.skip(f"cannot mount hugetlbfs: {os.strerror(ctypes.get_errno())}")

    def unmount():
        # Whatever crashed in the test may still be on its way out.
        _libc.umount2(folder.encode(), 2)  # MNT_DETACH
    box.closers.append(unmount)
    return folder
