/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan that was kept, and staying with its process. */
#include "front.h"
#include "front_python.h"
#include "plan_fill.h"
#include "plan_kept.h"
#include "process.h"
#include "spawn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void now(char *to, size_t room)
{
	struct timespec time;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &time);
	gmtime_r(&time.tv_sec, &utc);
	size_t n = strftime(to, room, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(to + n, room - n, ".%09ldZ", time.tv_nsec);
}

static int fill(const struct kept_plan *kept, const struct front_words *words)
{
	char created[64];
	const struct kept_header *header = kept->header;
	const struct plan_mark marks[] = {
		{ header->id, KEPT_ID, words->id },
		{ header->created, KEPT_CREATED, created },
		{ header->pid_file, KEPT_PID_FILE, words->pid_file ? words->pid_file : "" },
	};
	now(created, sizeof created);
	return plan_fill(kept->plan, kept->size, marks, 3);
}

static int load_init(void)
{
	char path[PATH_MAX + 128];
	if (!front_packages(path, sizeof path - 64))
		return -ENOENT;
	strcat(path, "/firkin/runtime/firkin-init");
	return spawn_load_init(path);
}

int front_spawn(const struct front_words *words, const char *directory, const struct front_key *key, int *pidfd)
{
	struct kept_plan kept;
	struct spawn_outcome outcome;
	if (key->failed || kept_open(&kept, directory, key->text, key->size) < 0)
		return FRONT_PYTHON;
	int init = fill(&kept, words) < 0 ? -1 : load_init();
	int r = init < 0 ? init : spawn_plan(kept.plan, kept.size, init, 0, &outcome);
	kept_close(&kept);
	if (r < 0 || outcome.error)
		return FRONT_PYTHON;
	*pidfd = outcome.pidfd;
	return 0;
}

/* Those that are passed on to the container. */
static void forwarded(sigset_t *set)
{
	static const int own[] = { SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGBUS,  SIGFPE,
				   SIGILL,  SIGPIPE, SIGURG,  SIGTSTP, SIGTTIN, SIGTTOU };
	sigemptyset(set);
	for (int number = 1; number < 32; number++)
		sigaddset(set, number);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		sigdelset(set, own[i]);
}

/* The exit code of the process. */
static int attend(int pidfd, int signals)
{
	struct pollfd ready[] = { { pidfd, POLLIN, 0 }, { signals, POLLIN, 0 } };
	struct signalfd_siginfo signal;
	while (!(ready[0].revents & POLLIN)) {
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			break;
		if (ready[1].revents & POLLIN && read(signals, &signal, sizeof signal) == sizeof signal)
			syscall(SYS_pidfd_send_signal, pidfd, (int)signal.ssi_signo, 0, 0);
	}
	int status = process_wait(pidfd, -1);
	close(pidfd);
	return status < 0 ? 1 : status < 256 ? status : 128 + status - 256;
}

int front_spawn_attended(const struct front_words *words, const char *directory, const struct front_key *key)
{
	sigset_t set, before;
	forwarded(&set);
	/* From before there is a process on: none is lost. */
	sigprocmask(SIG_BLOCK, &set, &before);
	int pidfd, code = FRONT_PYTHON, signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals >= 0 && front_spawn(words, directory, key, &pidfd) == 0)
		code = attend(pidfd, signals);
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &before, 0);
	return code;
}
