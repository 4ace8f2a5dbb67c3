/* SPDX-License-Identifier: Apache-2.0 */
/* `firkin start`: one byte to the process that waits, and its answer (runtime/start.py). */
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static int release(const struct front_record *record)
{
	int gate = openat(record->fd, "start", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (gate < 0)
		return FRONT_PYTHON;
	ssize_t n = write(gate, "", 1);
	close(gate);
	return n == 1 ? 0 : FRONT_PYTHON;
}

/* The writing end closes without a word when the program is executed; what is there to be read is a failure. */
static int await_answer(int answer)
{
	struct pollfd written = { answer, POLLIN, 0 };
	while (poll(&written, 1, -1) < 0)
		if (errno != EINTR)
			return FRONT_PYTHON;
	return written.revents & POLLIN ? FRONT_PYTHON : 0;
}

static int start(const struct front_record *record, int *answer)
{
	if (front_record_status(record) != FRONT_CREATED || front_record_mentions(record, "\"poststart\""))
		return FRONT_PYTHON;
	*answer = openat(record->fd, "answer", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (*answer < 0)
		return FRONT_PYTHON;
	if (release(record)) {
		close(*answer);
		*answer = -1;
		return FRONT_PYTHON;
	}
	return await_answer(*answer);
}

int front_start(const struct front_words *words)
{
	struct front_record record;
	int r = front_record_open(&record, words, 1);
	if (r == 0)
		r = start(&record, words->answer);
	front_record_close(&record);
	return r;
}
