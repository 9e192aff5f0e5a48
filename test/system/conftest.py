# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Fixtures of the system tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fixtures import (  # noqa: E402, F401
    box, module_box, pytest_configure, pytest_runtest_logreport, pytest_runtest_makereport)


ISA_FLAGS = {"scalar": set(), "avx2": {"avx2"},
             "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"}}


# What tests of a module share, and would be made again for each process that runs some of them.
SHARED = {"module_box", "installed", "prefix"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep together what shares something, and skip everything when PVQ_TEST_ISA asks for
    instructions that this processor lacks."""
    for item in items:
        if SHARED.intersection(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    isa = os.environ.get("PVQ_TEST_ISA", "scalar")
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    lacks = ISA_FLAGS[isa].difference(flags)
    for item in items if lacks else ():
        item.add_marker(pytest.mark.skip(reason=f"isa={isa}: no {' '.join(sorted(lacks))} here"))
