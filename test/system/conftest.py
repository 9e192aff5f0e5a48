# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Fixtures of the system tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from rig import Box  # noqa: E402


ISA_FLAGS = {"scalar": set(), "avx2": {"avx2"},
             "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"}}


def pytest_collection_modifyitems(items):
    """Skip everything when PVQ_TEST_ISA asks for instructions that this processor lacks."""
    isa = os.environ.get("PVQ_TEST_ISA", "scalar")
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    lacks = ISA_FLAGS[isa].difference(flags)
    for item in items if lacks else ():
        item.add_marker(pytest.mark.skip(reason=f"isa={isa}: no {' '.join(sorted(lacks))} here"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when != "call":
        return
    item.passed = report.passed
    for own in getattr(item, "funcargs", {}).values():
        if report.failed and isinstance(own, Box):
            report.sections.append(("processes", own.logs()))


@pytest.fixture
def box(request):
    """A folder and the processes of one test; afterwards all have left cleanly, leaving nothing."""
    own = Box()
    left = None
    try:
        yield own
        if getattr(request.node, "passed", False):
            own.quit()
    finally:
        left = own.close()
    assert not (left and getattr(request.node, "passed", False)), f"left behind: {left}"


@pytest.fixture(scope="module")
def module_box():
    """The same for processes that all tests of a module share."""
    own = Box()
    left = None
    try:
        yield own
        own.quit()
    finally:
        left = own.close()
    assert not left, f"left behind: {left}"
