# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The pvq authors
# shellcheck shell=bash
#
# Hugepages for the life of a script. To be sourced after lib.sh.

PVQ_HUGEPAGES=/sys/kernel/mm/hugepages/hugepages-2048kB

# Others may change the number of pages at the same time, so it is never set to a value of before.
pvq_add_pages()
{
	local before after
	before=$(cat "$PVQ_HUGEPAGES/nr_hugepages")
	echo $((before + $1 > 0 ? before + $1 : 0)) >"$PVQ_HUGEPAGES/nr_hugepages" || return 1
	after=$(cat "$PVQ_HUGEPAGES/nr_hugepages")
	PVQ_PAGES=$((PVQ_PAGES + after - before))
}

# pvq_take_pages MB: whether there are hugepages of that size in all. What had to be added goes back
# when the script ends.
pvq_take_pages()
{
	local pages=$(($1 / 2 + 16))
	[[ -w $PVQ_HUGEPAGES/nr_hugepages ]] && pvq_add_pages "$pages" &&
		(($(cat "$PVQ_HUGEPAGES/free_hugepages") >= pages))
}
