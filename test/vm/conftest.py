# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Fixtures of the guest tests."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]

from fixtures import (  # noqa: E402, F401
    box, module_box, pytest_configure, pytest_runtest_logreport, pytest_runtest_makereport)
import kit as kits  # noqa: E402


def pytest_collection_modifyitems(items):
    """Skip everything where there can be no guest."""
    lack = kits.lack()
    for item in items if lack else ():
        item.add_marker(pytest.mark.skip(reason=lack))


@pytest.fixture(scope="session")
def kit():
    """The distribution's QEMU and what guests of it consist of."""
    return kits.Kit()


@pytest.fixture(scope="session")
def newest_kit():
    """The same with the newest QEMU that there is."""
    lack = kits.newest_lack()
    if lack:
        pytest.skip(lack)
    return kits.Kit(newest=True)
