/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin: the command. The plain cases of what engines ask most often it does itself; for all else it starts an
 * isolated interpreter.
 */
#include "front.h"
#include "front_python.h"
#include "standard_streams.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(const struct front_words *words);
} commands[] = {
	{ "run", front_run },	{ "create", front_create }, { "exec", front_exec },   { "start", front_start },
	{ "kill", front_kill }, { "delete", front_delete }, { "state", front_state },
};

static int run_native(int argc, char **argv, int *answer)
{
	struct front_words words = { .answer = answer };
	const char *allowed = getenv("FIRKIN_NATIVE");
	if ((allowed && !strcmp(allowed, "0")) || front_words(argc, argv, &words))
		return FRONT_PYTHON;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (!strcmp(words.command, commands[i].name))
			return commands[i].run(&words);
	return FRONT_PYTHON;
}

int main(int argc, char **argv)
{
	int answer = -1;
	open_standard_streams();
	/* Children of a process that ignores it leave no exit status. */
	signal(SIGCHLD, SIG_DFL);
	int code = run_native(argc, argv, &answer);
	return code == FRONT_PYTHON ? front_python(argc, argv, answer) : code;
}
