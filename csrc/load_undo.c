/* SPDX-License-Identifier: Apache-2.0 */
/* Not a load: what puts a setting of the machine back, also when who changed it is killed. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Waits for the end of its standard input, which comes with the end of who holds the other end, then writes. */
static int undo(char **arguments)
{
	char byte;
	size_t length = strlen(arguments[1]);
	prctl(PR_SET_PDEATHSIG, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	load_say("ready");
	while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
		errno = 0;
	int file = open(arguments[0], O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return load_failed(arguments[0], errno);
	return write(file, arguments[1], length) == (ssize_t)length ? 0 : load_failed(arguments[0], errno);
}

const struct load load_undo = {"undo", "FILE TEXT", 2, undo};
