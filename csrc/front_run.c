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
	return words->is_cgroupfs && !getenv("LISTEN_FDS") && strlen(words->id) <= KEPT_ID &&
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

/* By the interpreter, in a process of its own, as this one still has the exit code; its own exit code. */
static int delete_by_python(const struct front_words *words)
{
	int status = 0, n = 0;
	char **arguments = calloc((size_t)words->globals_count + 5, sizeof *arguments);
	pid_t child = arguments ? fork() : -1;
	if (child == 0) {
		arguments[n++] = "firkin";
		for (int i = 0; i < words->globals_count; i++)
			arguments[n++] = words->globals[i];
		arguments[n++] = "delete";
		arguments[n++] = "--force";
		arguments[n++] = (char *)words->id;
		_exit(front_python(n, arguments, -1));
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	free(arguments);
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int delete(const struct front_words *words)
{
	struct front_words deletion = *words;
	deletion.force = 1;
	return front_delete(&deletion) == FRONT_PYTHON ? delete_by_python(words) : 0;
}

int front_run(const struct front_words *words)
{
	if (words->detach)
		return make(words, 'd', 0);
	int code = make(words, 'f', 1);
	if (code == FRONT_PYTHON)
		return code;
	int failure = delete(words);
	return failure ? failure : code;
}

int front_create(const struct front_words *words)
{
	return make(words, 'c', 0);
}
