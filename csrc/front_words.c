/* SPDX-License-Identifier: Apache-2.0 */
/* The plain command line: `--name VALUE`, `--name=VALUE` and `--flag` before the command, an id behind it. */
#include "front.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct option {
	const char *name;
	const char *choices; /* each with a blank before and behind it; 0: any text */
};

static const struct option texts[] = {
	{ "root", 0 },
	{ "log", 0 },
	{ "log-format", " text json " },
	{ "log-level", " debug info warning error " },
	{ "cgroup-manager", " cgroupfs systemd disabled " },
};

struct globals {
	const char *values[sizeof texts / sizeof texts[0]];
	int systemd_cgroup;
};

enum { ROOT, LOG, LOG_FORMAT, LOG_LEVEL, CGROUP_MANAGER };

static int is_choice(const char *choices, const char *value)
{
	char word[32];
	if (!choices)
		return 1;
	int n = snprintf(word, sizeof word, " %s ", value);
	return n < (int)sizeof word && !strchr(value, ' ') && strstr(choices, word) != 0;
}

/* The number of words that the option takes up, or FRONT_PYTHON. */
static int read_global(char **argv, struct globals *globals)
{
	const char *word = argv[0] + 2;
	if (!strcmp(word, "systemd-cgroup")) {
		globals->systemd_cgroup = 1;
		return 1;
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		size_t n = strlen(texts[i].name);
		if (strncmp(word, texts[i].name, n) || (word[n] && word[n] != '='))
			continue;
		const char *value = word[n] ? word + n + 1 : argv[1];
		if (!value || !is_choice(texts[i].choices, value))
			return FRONT_PYTHON;
		globals->values[i] = value;
		return word[n] ? 1 : 2;
	}
	return FRONT_PYTHON;
}

/* Whether root is one of this machine, who has all ids. */
static int is_full_root(void)
{
	char map[64] = "";
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	if (geteuid() || fd < 0 || read(fd, map, sizeof map - 1) < 0)
		map[0] = 0;
	if (fd >= 0)
		close(fd);
	unsigned long inside, outside, count;
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && !inside && !outside && count == 4294967295;
}

/* As the interpreter would write it. */
static int is_normal(const char *path)
{
	size_t n = strlen(path);
	return path[0] == '/' && n > 1 && path[n - 1] != '/' && !strstr(path, "//") && !strstr(path, "/./") &&
	       !strstr(path, "/../") && strcmp(path + n - 2, "/.") && (n < 3 || strcmp(path + n - 3, "/.."));
}

static int settle_root(const char *given, struct front_words *words)
{
	words->root = given ? given : "/run/firkin";
	if (!given && getenv("XDG_RUNTIME_DIR") && !is_full_root())
		return FRONT_PYTHON;
	return is_normal(words->root) ? 0 : FRONT_PYTHON;
}

/* Engines read this file after any end of the command. */
static int make_log(const char *path)
{
	if (!path || !*path)
		return 0;
	if (path[0] != '/' || !strcmp(path, "/dev/stderr"))
		return FRONT_PYTHON;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return FRONT_PYTHON;
	close(fd);
	return 0;
}

static int is_id(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.");
	return n && !word[n] && n <= 255 && word[0] != '.' && word[0] != '-';
}

/* -f of `delete` names a manifest of pods where the next word looks like a file's name. */
static int is_manifest(const char *word)
{
	const char *dot = strrchr(word, '.');
	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

/* The value of a text option at `*argv`, which moves on; 0 if it is another word. */
static const char *take_value(char ***argv, const char *name, const char *letter)
{
	const char *word = **argv;
	size_t n = strlen(name);
	if (!strncmp(word, name, n) && word[n] == '=') {
		*argv += 1;
		return word + n + 1;
	}
	if ((strcmp(word, name) && strcmp(word, letter)) || !(*argv)[1])
		return 0;
	*argv += 2;
	return (*argv)[-1];
}

static int take_flag(char ***argv, const char *name, const char *letter)
{
	int is_there = !strcmp(**argv, name) || !strcmp(**argv, letter);
	*argv += is_there;
	return is_there;
}

/* The options of the command, as far as they are plain. */
static char **read_options(char **argv, struct front_words *words)
{
	int makes = !strcmp(words->command, "run") || !strcmp(words->command, "create");
	int executes = !strcmp(words->command, "exec");
	for (char **before = 0; *argv && argv != before;) {
		const char *value;
		before = argv;
		if (!strcmp(words->command, "delete") && take_flag(&argv, "--force", "-f"))
			words->force = 1;
		else if ((executes || !strcmp(words->command, "run")) && take_flag(&argv, "--detach", "-d"))
			words->detach = 1;
		else if (makes && (value = take_value(&argv, "--bundle", "-b")))
			words->bundle = value;
		else if ((makes || executes) && (value = take_value(&argv, "--pid-file", "--pid-file")))
			words->pid_file = value;
		else if (executes && (value = take_value(&argv, "--process", "-p")))
			words->process = value;
	}
	return argv;
}

static int settle_paths(struct front_words *words)
{
	static char here[PATH_MAX];
	if (!words->bundle)
		words->bundle = getcwd(here, sizeof here);
	if (!words->bundle || !is_normal(words->bundle) || (words->pid_file && !is_normal(words->pid_file)))
		return FRONT_PYTHON;
	return 0;
}

static int read_command(char **argv, struct front_words *words)
{
	words->command = *argv;
	argv = read_options(argv + 1, words);
	if (!*argv || !is_id(*argv) || is_manifest(*argv))
		return FRONT_PYTHON;
	words->id = *argv++;
	words->arguments = argv;
	if (*argv && !strcmp(words->command, "kill"))
		words->signal = *argv++;
	if (!strcmp(words->command, "exec"))
		return *argv && !strcmp(*argv, "--") ? FRONT_PYTHON : settle_paths(words);
	return *argv ? FRONT_PYTHON : settle_paths(words);
}

int front_words(int argc, char **argv, struct front_words *words)
{
	struct globals globals = { 0 };
	char **first = argv + 1, **end = argv + argc;
	for (argv++; argv < end && !strncmp(*argv, "--", 2);) {
		int taken = read_global(argv, &globals);
		if (taken < 0)
			return FRONT_PYTHON;
		argv += taken;
	}
	const char *manager = globals.values[CGROUP_MANAGER];
	if (argv >= end || (globals.systemd_cgroup && manager))
		return FRONT_PYTHON;
	words->is_cgroupfs = !globals.systemd_cgroup && (!manager || !strcmp(manager, "cgroupfs"));
	words->globals = first;
	words->globals_count = (int)(argv - first);
	int r = read_command(argv, words);
	if (r == 0)
		r = settle_root(globals.values[ROOT], words);
	return r == 0 ? make_log(globals.values[LOG]) : r;
}
