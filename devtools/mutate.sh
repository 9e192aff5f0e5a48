#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
#
# Put one mistake after another into the driver, and see whether a test fails for each.
set -euo pipefail

case " $* " in
*" --list "* | *" --check "* | *" --help "* | *" -h "*)
	exec /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/mutate.py" "$@"
	;;
esac

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pvq_step "packages"
pvq_install_packages test
pvq_find_dpdk
pvq_step "driver headers"
pvq_sdk_headers
pvq_step "mutants"
pvq_foreground env TMPDIR="$PVQ_WORK" /usr/bin/python3 "$PVQ_ROOT/devtools/mutate.py" \
	--results "$PVQ_BUILD_DIR/mutation" ${PVQ_SDK_HEADERS:+--sdk-headers "$PVQ_SDK_HEADERS"} "$@"
