/* SPDX-License-Identifier: Apache-2.0 */
/* `firkin run` and `create` of a container without terminal and hooks, whose plan was kept. */
#include "front.h"
#include "front_python.h"
#include "plan_kept.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What runtime/plan/kept.py makes of the same wish. */
static void make_key(const struct front_words *words, char kind, struct front_key *key)
{
	char config[PATH_MAX + 16];
	const char flags[] = { kind, words->pid_file ? 'p' : '-', 0 };
	snprintf(config, sizeof config, "%s/config.json", words->bundle);
	front_key_text(key, KEPT_VERSION);
	front_key_text(key, flags);
	front_key_text(key, words->root);
	front_key_text(key, words->bundle);
	front_key_file(key, config);
}

static int is_plain(const struct front_words *words)
{
	return !getenv("LISTEN_FDS") && strlen(words->id) <= KEPT_ID &&
	       (!words->pid_file || strlen(words->pid_file) <= KEPT_PID_FILE);
}

/* Makes the container; an exit code if `attended`, else 0; or FRONT_PYTHON. */
static int make(const struct front_words *words, char kind, int attended)
{
	char plans[PATH_MAX];
	struct front_key key = { 0 };
	if (!is_plain(words) || snprintf(plans, sizeof plans, "%s/" KEPT_PLANS, words->root) >= (int)sizeof plans)
		return FRONT_PYTHON;
	make_key(words, kind, &key);
	int pidfd, r = attended ? front_spawn_attended(words, plans, &key) : front_spawn(words, plans, &key, &pidfd);
	front_key_free(&key);
	return r;
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

int front_run(const struct front_words *words)
{
	if (words->detach)
		return make(words, 'd', 0);
	int code = make(words, 'f', 1);
	if (code != FRONT_PYTHON)
		delete(words);
	return code;
}

int front_create(const struct front_words *words)
{
	return make(words, 'c', 0);
}
