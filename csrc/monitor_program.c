/* SPDX-License-Identifier: Apache-2.0 */
/* firkin-monitor: its caller's end of the socket is standard input. No C library, no heap. */
#include "monitor_state.h"
#include "start.h"
#include "syscalls.h"

#include <fcntl.h>

int start_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	/* Standard input will be the container's. */
	long caller = sys_fcntl(0, F_DUPFD_CLOEXEC, 3);
	return caller < 0 ? 1 : monitor_run((int)caller);
}
