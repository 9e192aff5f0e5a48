# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Fixtures that start processes and see them off, for every suite with processes."""

import os

import pytest

from rig import Box


def pytest_configure(config):
    # pytest-xdist's, which need not be there.
    config.addinivalue_line("markers", "xdist_group(name): tests that run in one process")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    """Take off the group that pytest-xdist appends to a name, where it has no more use for it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        report.nodeid = report.nodeid.partition("@")[0]


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
