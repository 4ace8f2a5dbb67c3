/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan that is kept: a file of what it was made of, and the plan. It counts if all of that is the same once more.
 *
 *   kept_header | facts | files | key | plan
 *
 * `facts` are those about the host that the compiler asks for. `files` are what made it, one in a line: device, inode,
 * size, time of change in nanoseconds, path. `key` is the caller's wish, its parts with a NUL behind each: version, flags;
 * of `run` and `create` the state root, the bundle, and the text of the configuration without a NUL; of `exec` the
 * process and its start time, and the arguments, or the text of the process file without a NUL. All is compared, byte by byte; digests only name the files.
 */
#ifndef FIRKIN_PLAN_KEPT_H
#define FIRKIN_PLAN_KEPT_H

#include <stddef.h>
#include <stdint.h>

#define KEPT_MAGIC "firkinP1"
#define KEPT_PLANS ".cache/plans" /* of new containers, below the state root */
#define KEPT_VERSION "1" /* of what the compiler makes: raise it with each change of plans that files do not show */
#define KEPT_ID 64       /* bytes of the mark of the container's id */
#define KEPT_CREATED 30  /* of the time of its making */
#define KEPT_PID_FILE 256 /* of the path of --pid-file */

struct kept_header {
	char magic[8];
	uint32_t facts, files, key, plan; /* bytes; the plan begins at a multiple of 8 */
	char id[KEPT_ID], created[KEPT_CREATED + 2], pid_file[KEPT_PID_FILE];
};

/* The facts as text; its length or -errno. */
int kept_facts(char *to, size_t room);

/* The name of the file for a key. */
uint64_t kept_name(const void *key, size_t size);

struct kept_plan {
	void *map;
	size_t map_size;
	char *plan; /* of this process alone: it may be written to */
	size_t size;
	const struct kept_header *header;
};

/* The plan of a key in a directory; 0 or -errno. */
int kept_open(struct kept_plan *kept, const char *directory, const void *key, size_t size);
void kept_close(struct kept_plan *kept);

#endif
