/* SPDX-License-Identifier: Apache-2.0 */
/* `firkin run` and `create` with a plan that was kept, of a container without terminal and hooks. */
#include "front.h"
#include "front_python.h"
#include "plan_fill.h"
#include "plan_kept.h"
#include "process.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LARGEST (1 << 20)

/* What runtime/plan/kept.py makes of the same wish, to be freed; 0 if there is no such configuration. */
static char *make_key(const struct front_words *words, char kind, size_t *size)
{
	char path[PATH_MAX + 16];
	struct stat status;
	snprintf(path, sizeof path, "%s/config.json", words->bundle);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	char *key = !fstat(fd, &status) && status.st_size < LARGEST ? malloc((size_t)status.st_size + 2 * PATH_MAX + 64) : 0;
	if (key) {
		*size = (size_t)sprintf(key, KEPT_VERSION "%c%c%c%c%s%c%s%c", 0, kind, words->pid_file ? 'p' : '-', 0,
					words->root, 0, words->bundle, 0);
		ssize_t n = read(fd, key + *size, (size_t)status.st_size);
		*size += n < 0 ? 0 : (size_t)n;
	}
	close(fd);
	return key;
}

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

/* 0 or FRONT_PYTHON: then nothing of the container is left, and the interpreter will find and tell why. */
static int spawn(const struct front_words *words, char kind, struct spawn_outcome *outcome)
{
	struct kept_plan kept;
	size_t size = 0;
	char *key = make_key(words, kind, &size);
	int r = key ? kept_open(&kept, words->root, key, size) : -ENOENT;
	free(key);
	if (r < 0)
		return FRONT_PYTHON;
	int init = fill(&kept, words) < 0 ? -1 : load_init();
	r = init < 0 ? init : spawn_plan(kept.plan, kept.size, init, 0, outcome);
	kept_close(&kept);
	return r < 0 || outcome->error ? FRONT_PYTHON : 0;
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

/* In a process of its own, as this one still has the exit code. */
static void delete(const struct front_words *words)
{
	struct front_words deletion = { .root = words->root, .command = "delete", .id = words->id, .force = 1 };
	if (front_delete(&deletion) != FRONT_PYTHON)
		return;
	pid_t child = fork();
	if (child == 0) {
		char *arguments[] = { "firkin", "--root", (char *)words->root, "delete", "--force", (char *)words->id, 0 };
		_exit(front_python(6, arguments, -1));
	}
	while (child > 0 && waitpid(child, 0, 0) < 0 && errno == EINTR)
		;
}

static int run_attended(const struct front_words *words)
{
	struct spawn_outcome outcome;
	sigset_t set, before;
	forwarded(&set);
	/* From before there is a process on: none is lost. */
	sigprocmask(SIG_BLOCK, &set, &before);
	int code = FRONT_PYTHON, signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals >= 0 && spawn(words, 'f', &outcome) == 0) {
		code = attend(outcome.pidfd, signals);
		delete(words);
	}
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &before, 0);
	return code;
}

static int run_detached(const struct front_words *words, char kind)
{
	struct spawn_outcome outcome;
	return spawn(words, kind, &outcome);
}

static int is_plain(const struct front_words *words)
{
	return !getenv("LISTEN_FDS") && strlen(words->id) <= KEPT_ID &&
	       (!words->pid_file || strlen(words->pid_file) <= KEPT_PID_FILE) && strlen(words->root) < PATH_MAX &&
	       strlen(words->bundle) < PATH_MAX;
}

int front_run(const struct front_words *words)
{
	if (!is_plain(words))
		return FRONT_PYTHON;
	return words->detach ? run_detached(words, 'd') : run_attended(words);
}

int front_create(const struct front_words *words)
{
	return is_plain(words) ? run_detached(words, 'c') : FRONT_PYTHON;
}
