/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_state.h"
#include "syscalls.h"

#include <errno.h>

static void discard(struct monitor *m)
{
	m->input.at = m->input.size = 0;
	clients_resume(m);
}

/* The descriptor of a terminal is that of the output too. */
static void close_input(struct monitor *m)
{
	if (m->input.is_terminal)
		m->input.fd = -1;
	else
		monitor_close(&m->input.fd);
	discard(m);
}

void input_write(struct monitor *m)
{
	struct input *input = &m->input;
	while (input->fd >= 0 && input->at < input->size) {
		long n = sys_write(input->fd, input->message.data + input->at, input->size - input->at);
		if (n == -EAGAIN || !n)
			return;
		if (n < 0 && n != -EINTR) {
			/* Nobody will read it. */
			close_input(m);
			return;
		}
		input->at += n > 0 ? (uint32_t)n : 0;
	}
	if (input->size)
		discard(m);
	if (input->ends && input->fd >= 0)
		close_input(m);
}

void input_end(struct monitor *m)
{
	/* A terminal has no end that one could close: who sits at it types what ends the input. */
	if (m->input.is_terminal)
		return;
	m->input.ends = 1;
	input_write(m);
}
