/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin-unpack: writes a layer, a tar stream on standard input, below the directory at descriptor 3.
 *
 *	firkin-unpack overlay|remove MOST-ENTRIES MOST-BYTES
 *
 * On standard output come records that each end with a null byte: "implied", a tab and the path of a directory that
 * the layer does not have; at last "done ENTRIES BYTES IGNORED", or "error ERRNO", the reason and the entry's name
 * with tabs between.
 */
#include "layer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static void tell_implied(const char *path, void *data)
{
	(void)data;
	printf("implied\t%s%c", path, 0);
}

int main(int argc, char **argv)
{
	static struct layer_result result = { .on_implied = tell_implied };
	if (argc != 4 || (strcmp(argv[1], "overlay") && strcmp(argv[1], "remove"))) {
		fputs("usage: firkin-unpack overlay|remove MOST-ENTRIES MOST-BYTES <ARCHIVE 3<DIRECTORY\n", stderr);
		return 2;
	}
	/* It has no business without who started it. */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* What a dead process began somebody else removes. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	struct layer_limits limits = { strtoull(argv[2], 0, 10), strtoull(argv[3], 0, 10) };
	int r = layer_apply(0, 3, strcmp(argv[1], "overlay") ? LAYER_REMOVE : LAYER_OVERLAY, &limits, &result);
	if (r < 0)
		printf("error %d\t%s\t%s%c", -r, result.reason ? result.reason : "", result.name, 0);
	else
		printf("done %llu %llu %llu%c", (unsigned long long)result.entries, (unsigned long long)result.bytes,
		       (unsigned long long)result.ignored, 0);
	return fflush(stdout) || r < 0;
}
