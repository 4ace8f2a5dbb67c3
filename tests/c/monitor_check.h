/* SPDX-License-Identifier: Apache-2.0 */
/* Monitors that run for real: this program itself, executed again, so that the sanitizers see them. */
#ifndef FIRKIN_MONITOR_CHECK_H
#define FIRKIN_MONITOR_CHECK_H

#include "check.h"
#include "monitor.h"
#include "spawn_check.h"

/* For main() of the test program: what it does if it is executed as a monitor. */
int monitor_main(int argc, char **argv, int (*tests)(void));

/* What the next start_monitor() asks for, and what it gets. */
extern struct monitor_request request;
extern struct monitor_answer answer;

/* Begins a plan whose container is a shell that runs `script`; the order is one of usual values. */
void shell_monitor(const char *script, uint32_t flags);

/* Starts the monitor of the plan in `maker`; the answer is a success, or else this failure. */
void start_monitor(void);
void fail_monitor(uint32_t stage, int error);

/* Starts one whose container runs the script when it has read a line. */
void ready_monitor(const char *script, uint32_t flags);

/* The answer is not waited for. */
void begin_monitor(void);
void receive_answer(void);

/* Waits until it has exited; its status, which the sanitizers spoil if they have something to say. */
int wait_monitor(void);

/* What the record of the end says, and the log "log". */
const char *exit_record(void);
long exit_field(const char *name);

/* Clients. */
struct message {
	struct monitor_head head;
	union {
		char data[MONITOR_PACKET];
		struct monitor_status status;
	};
	size_t size; /* of what follows the head */
};

int connect_client(void);
void send_message(int client, uint32_t type, uint32_t value);
void send_stdin(int client, const void *data, size_t size);

/* Waits for the next message; 0 at the end. */
int receive_message(int client, struct message *message);
void expect_message(int client, struct message *message, uint32_t type);

/* An attached client, from the moment on when the monitor says so. */
int attach_client(uint32_t streams);

/* Everything that a stream brings until the container's end, which it waits for. */
const char *read_stream(int client, uint32_t type);

#endif
