/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command does without an interpreter: the plain case of what engines ask most often. Whatever is not plain
 * (an option that is rarely given, a hook, a wrong state, any error) is the interpreter's, which does all of it and
 * has the words for it. So these functions either succeed, or return FRONT_PYTHON and have changed nothing that the
 * interpreter would not take up.
 */
#ifndef FIRKIN_FRONT_H
#define FIRKIN_FRONT_H

#include <stddef.h>
#include <stdint.h>

#define FRONT_PYTHON (-1)

/* A command line, as far as it is plain. */
struct front_words {
	const char *root; /* of the containers' records, absolute */
	const char *command;
	char **globals; /* the words before the command, of which there are `globals_count` */
	int globals_count;
	int is_cgroupfs; /* firkin makes the cgroups itself */
	int *answer;     /* of `start`: takes the descriptor of what a container answered that did not start */
	const char *id;
	const char *signal; /* of `kill`; 0: not given */
	int force;          /* of `delete` */
	int detach;         /* of `run` and `exec` */
	const char *bundle; /* of `run` and `create`, absolute */
	const char *pid_file;
	const char *process; /* of `exec`: a file */
	char **arguments;    /* of `exec`, a 0 behind them */
};

/* Reads it, and makes the file of --log; 0 or FRONT_PYTHON. */
int front_words(int argc, char **argv, struct front_words *words);

/* The record of a container (runtime/store.py). */
struct front_record {
	int fd;      /* its directory, which is the lock, too */
	char *state; /* state.json; "{}" if there is none */
	int pid;     /* of the first process, 0 if it was never made */
	int pidfd;   /* -1 if it is not alive */
};

enum front_status { FRONT_CREATING, FRONT_CREATED, FRONT_RUNNING, FRONT_PAUSED, FRONT_STOPPED };

/* The record, locked if `lock`; 0 or FRONT_PYTHON. front_record_close() is due in both cases. */
int front_record_open(struct front_record *record, const struct front_words *words, int lock);
void front_record_close(struct front_record *record);

/* A front_status, or FRONT_PYTHON. */
int front_record_status(const struct front_record *record);

/* The path of its cgroup; 0 or FRONT_PYTHON. */
int front_record_cgroup(const struct front_record *record, char *path, size_t room);

/* Whether its configuration has the text; FRONT_PYTHON if it can't be read. Without one it has not. */
int front_record_mentions(const struct front_record *record, const char *text);

/* A slice of a JSON text. */
struct front_json {
	const char *at;
	size_t size;
};

/* The value of a member of an object; 0 if there is none, or this is no object. */
int front_json_member(const char *object, const char *name, struct front_json *value);

/* The next member at `*at`, which begins at the object's first byte; 0 at its end, FRONT_PYTHON if it is malformed. */
int front_json_next(const char **at, struct front_json *name, struct front_json *value);

/* A string's text, if it has no escape in it; 0 or FRONT_PYTHON. */
int front_json_text(struct front_json value, char *to, size_t room);

/* A whole number; FRONT_PYTHON if it is none, or negative. */
int64_t front_json_number(struct front_json value);

/* The wish by which a kept plan is found; starts as zeros. */
struct front_key {
	char *text;
	size_t size;
	int failed; /* something is missing in it */
};

void front_key_text(struct front_key *key, const char *text); /* with the NUL behind it */
void front_key_file(struct front_key *key, const char *path); /* the content */
void front_key_free(struct front_key *key);

/* Runs the plan of a key that is kept in a directory; 0, or FRONT_PYTHON: then nothing of it is left. */
int front_spawn(const struct front_words *words, const char *directory, const struct front_key *key, int *pidfd);

/* The same, and stays until its process ends, which gets the signals of this one; an exit code or FRONT_PYTHON. */
int front_spawn_attended(const struct front_words *words, const char *directory, const struct front_key *key);

/* The commands: an exit code or FRONT_PYTHON. */
int front_run(const struct front_words *words);
int front_create(const struct front_words *words);
int front_exec(const struct front_words *words);
int front_start(const struct front_words *words);
int front_kill(const struct front_words *words);
int front_delete(const struct front_words *words);
int front_state(const struct front_words *words);

#endif
