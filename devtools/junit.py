# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
"""Test results as JUnit XML, read and written.

A result is (suite, name, outcome, message), outcome one of PASSED, FAILED, SKIPPED.
"""

import collections
import os
import re
import xml.etree.ElementTree as ET

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

Result = collections.namedtuple("Result", "suite name outcome message")

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(path):
    """The results in a file. A file that cannot be read is one failed result."""
    label = os.path.splitext(os.path.basename(path))[0]
    try:
        # cmocka writes what a test compared as it is, control characters included.
        with open(path, encoding="utf-8", errors="replace") as file:
            root = ET.fromstring(_NOT_XML.sub("?", file.read()))
    except (OSError, ET.ParseError) as error:
        return [Result(label, "results", FAILED, f"{path}: {error}")]
    results = []
    for suite in root.iter("testsuite"):
        for case in suite.findall("testcase"):
            name = case.get("name", "?")
            outcome, message = PASSED, ""
            for tag, meaning in (("skipped", SKIPPED), ("failure", FAILED), ("error", FAILED)):
                for node in case.findall(tag):
                    text = (node.text or "").strip()
                    outcome, message = meaning, node.get("message") or text
            results.append(Result(case.get("classname") or suite.get("name") or label,
                                  name, outcome, message.strip()))
    return results


def write(path, suite, results):
    """Write results, whose own suite names become class names, as one test suite."""
    root = ET.Element("testsuites")
    node = ET.SubElement(root, "testsuite", name=suite, tests=str(len(results)))
    for result in results:
        case = ET.SubElement(node, "testcase", classname=result.suite, name=result.name)
        if result.outcome == FAILED:
            ET.SubElement(case, "failure", message=_NOT_XML.sub("?", result.message))
        elif result.outcome == SKIPPED:
            ET.SubElement(case, "skipped", message=_NOT_XML.sub("?", result.message))
    part = path + ".part"
    ET.ElementTree(root).write(part, encoding="utf-8", xml_declaration=True)
    os.replace(part, path)
