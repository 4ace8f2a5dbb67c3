/* SPDX-License-Identifier: Apache-2.0 */
/* `firkin exec` without a terminal, whose plan was kept beside the container's record. */
#include "front.h"
#include "plan_kept.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What runtime/plan/kept.py makes of the same wish. The process is in the plan, so it is in the key. */
static void make_key(const struct front_words *words, const struct front_record *record, struct front_key *key)
{
	const char flags[] = { 'e', words->detach ? 'd' : 'f', words->pid_file ? 'p' : '-', words->process ? 'j' : 'a', 0 };
	char process[64];
	struct front_json started;
	key->failed = !front_json_member(record->state, "startTime", &started);
	if (key->failed)
		return;
	snprintf(process, sizeof process, "%d %.*s", record->pid, (int)started.size, started.at);
	front_key_text(key, KEPT_VERSION);
	front_key_text(key, flags);
	front_key_text(key, process);
	if (words->process)
		front_key_file(key, words->process);
	for (char **argument = words->arguments; *argument; argument++)
		front_key_text(key, *argument);
}

static int is_plain(const struct front_words *words)
{
	return !getenv("LISTEN_FDS") && (!words->pid_file || strlen(words->pid_file) <= KEPT_PID_FILE) &&
	       !words->process != !*words->arguments;
}

static int execute(const struct front_words *words, const struct front_record *record)
{
	char directory[PATH_MAX];
	struct front_key key = { 0 };
	int pidfd, status = front_record_status(record);
	if (status != FRONT_CREATED && status != FRONT_RUNNING)
		return FRONT_PYTHON;
	if (snprintf(directory, sizeof directory, "%s/%s", words->root, words->id) >= (int)sizeof directory)
		return FRONT_PYTHON;
	make_key(words, record, &key);
	int r = words->detach ? front_spawn(words, directory, &key, &pidfd) :
				front_spawn_attended(words, directory, &key);
	front_key_free(&key);
	return r;
}

int front_exec(const struct front_words *words)
{
	struct front_record record;
	if (!is_plain(words))
		return FRONT_PYTHON;
	int r = front_record_open(&record, words, 0);
	if (r == 0)
		r = execute(words, &record);
	front_record_close(&record);
	return r;
}
