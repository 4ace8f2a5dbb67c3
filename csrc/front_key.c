/* SPDX-License-Identifier: Apache-2.0 */
/* The wish by which a kept plan is found (csrc/plan_kept.h). */
#include "front.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST (1 << 20)

/* Room for so many bytes more; 0 if there is none. */
static char *extend(struct front_key *key, size_t size)
{
	char *text = realloc(key->text, key->size + size);
	key->failed |= !text;
	if (text)
		key->text = text;
	return text ? text + key->size : 0;
}

void front_key_text(struct front_key *key, const char *text)
{
	size_t size = strlen(text) + 1;
	char *to = extend(key, size);
	if (!to)
		return;
	memcpy(to, text, size);
	key->size += size;
}

static int read_file(int fd, struct front_key *key)
{
	struct stat status;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size >= LARGEST)
		return 0;
	char *to = extend(key, (size_t)status.st_size + 1);
	ssize_t n = to ? read(fd, to, (size_t)status.st_size) : -1;
	key->size += n < 0 ? 0 : (size_t)n;
	return n == status.st_size;
}

void front_key_file(struct front_key *key, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	key->failed |= fd < 0 || !read_file(fd, key);
	if (fd >= 0)
		close(fd);
}

void front_key_free(struct front_key *key)
{
	free(key->text);
}
