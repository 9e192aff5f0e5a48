/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The pvq authors
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "perf.h"

/* The place of "key=" or "key" after a comma, and its length up to the next comma. */
static const char *
find(const char *devargs, const char *key, size_t *len)
{
	const size_t key_len = strlen(key);
	const char *p = devargs;

	while ((p = strchr(p, ',')) != NULL) {
		p++;
		if (strncmp(p, key, key_len) == 0 &&
		    (p[key_len] == '=' || p[key_len] == ',' || p[key_len] == '\0')) {
			*len = strcspn(p, ",");
			return p;
		}
	}
	return NULL;
}

bool
perf_devargs_has(const char *devargs, const char *key)
{
	size_t len;

	return find(devargs, key, &len) != NULL;
}

bool
perf_devargs_get(const char *devargs, const char *key, char *value, size_t size)
{
	const size_t key_len = strlen(key);
	size_t len;
	const char *p = find(devargs, key, &len);

	if (p == NULL || len <= key_len || len - key_len > size)
		return false;
	snprintf(value, size, "%.*s", (int)(len - key_len - 1), p + key_len + 1);
	return true;
}

int
perf_devargs_set(char *devargs, size_t size, const char *key, const char *value)
{
	char text[PERF_DEVARGS_LEN];
	size_t len;
	const char *p = find(devargs, key, &len);
	int n;

	if (p != NULL)
		n = snprintf(text, sizeof(text), "%.*s%s=%s%s", (int)(p - devargs), devargs, key,
			     value, p + len);
	else
		n = snprintf(text, sizeof(text), "%s,%s=%s", devargs, key, value);
	if (n < 0 || (size_t)n >= sizeof(text) || (size_t)n >= size)
		return -ENAMETOOLONG;
	memcpy(devargs, text, n + 1);
	return 0;
}

int
perf_devargs_name(const char *devargs, char *name, size_t size)
{
	const size_t len = strcspn(devargs, ",");

	if (len == 0 || len >= size)
		return -EINVAL;
	snprintf(name, size, "%.*s", (int)len, devargs);
	return 0;
}

bool
perf_devargs_is(const char *devargs, const char *driver)
{
	const size_t len = strlen(driver);
	const char *p = devargs + len;

	if (strncmp(devargs, driver, len) != 0)
		return false;
	while (isdigit((unsigned char)*p))
		p++;
	return *p == ',' || *p == '\0';
}
