/* SPDX-License-Identifier: Apache-2.0 */
/* `firkin kill`: a signal for the first process (runtime/kill.py). */
#include "front.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const names[] = {
	[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT", [SIGABRT] = "ABRT", [SIGKILL] = "KILL",
	[SIGUSR1] = "USR1", [SIGUSR2] = "USR2", [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
	[SIGCHLD] = "CHLD", [SIGCONT] = "CONT", [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP", [SIGWINCH] = "WINCH",
};

/* The number of one of the usual signals, or FRONT_PYTHON. */
static int signal_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (text[0] >= '1' && text[0] <= '9' && !*end)
		return number < NSIG ? (int)number : FRONT_PYTHON;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
		if (names[i] && !strcasecmp(text, names[i]))
			return i;
	return FRONT_PYTHON;
}

/* Without a pid namespace of its own the end of the first process ends nobody else. */
static int has_pid_namespace(int pid)
{
	char path[64], of_container[64], own[64];
	snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
	ssize_t n = readlink(path, of_container, sizeof of_container);
	ssize_t m = readlink("/proc/self/ns/pid", own, sizeof own);
	return n > 0 && m > 0 && (n != m || memcmp(of_container, own, (size_t)n));
}

static int send(const struct front_record *record, int number)
{
	int status = front_record_status(record);
	if (status != FRONT_CREATED && status != FRONT_RUNNING && status != FRONT_PAUSED)
		return FRONT_PYTHON;
	if (number == SIGKILL && !has_pid_namespace(record->pid))
		return FRONT_PYTHON;
	return syscall(SYS_pidfd_send_signal, record->pidfd, number, 0, 0) ? FRONT_PYTHON : 0;
}

int front_kill(const struct front_words *words)
{
	struct front_record record;
	int number = words->signal ? signal_number(words->signal) : SIGTERM;
	if (number < 0)
		return FRONT_PYTHON;
	int r = front_record_open(&record, words, 0);
	if (r == 0)
		r = send(&record, number);
	front_record_close(&record);
	return r;
}
