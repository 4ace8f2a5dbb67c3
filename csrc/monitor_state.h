/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's inside. One thread, one poll(2); everything lies in one static structure, there is no heap. */
#ifndef FIRKIN_MONITOR_STATE_H
#define FIRKIN_MONITOR_STATE_H

#include "monitor_stream.h"

#define MONITOR_RECORD "." MONITOR_EXIT /* until it is complete */
#define MONITOR_RECORD_SIZE 512
#define MONITOR_CLIENTS 32
#define MONITOR_MOST_ATTACHED 24 /* so that there is always room for somebody with a question */

/* Bytes for clients; they lie in the buffer of a stream, which is not read until all have them. */
struct chunk {
	enum monitor_stream stream;
	const char *data;
	uint32_t size;
};

struct client {
	int fd;               /* -1: nobody */
	uint32_t streams;     /* that it is attached to */
	uint32_t sent;        /* bytes of the chunk */
	uint32_t owed;        /* size of the answer that is not sent yet, without its head */
	struct monitor_head head;
	struct monitor_status answer;
	int64_t deadline;     /* when it is dropped if it goes on taking nothing; 0: nothing waits for it */
	int is_waiting;       /* its next message needs room in standard input */
	int was_told;         /* of the end */
};

/* The container's standard input and the one message for it that waits. */
struct input {
	int fd; /* does not block; -1: none, or ended */
	int is_terminal;
	int ends; /* once it has taken what waits */
	uint32_t at, size;
	struct {
		struct monitor_head head;
		char data[MONITOR_PACKET];
	} message;
};

enum phase {
	PHASE_RUNS,
	PHASE_ENDS,   /* the first process has ended, others of its cgroup have not yet */
	PHASE_DRAINS, /* nobody writes any more; what was written is read */
	PHASE_TELLS,  /* the end is recorded, clients are told */
	PHASE_DONE,
};

struct monitor {
	struct monitor_order order;
	struct monitor_status status;
	enum phase phase;
	int64_t deadline; /* of the phase */
	int directory, listener;
	int64_t accepts_after; /* 0, or when the listener is looked at again, because there was no descriptor left */
	int signals; /* signalfd of SIGCHLD */
	int record;  /* file of the end's record, which has its space already */
	int cgroup, events; /* directory of the container's cgroup, and its cgroup.events once that is watched */
	int null;    /* /dev/null, until the container has its streams */
	int peer;    /* slave of the terminal: while it is open, programs may close the terminal and open it again */
	struct log log;
	struct stream streams[LOG_STREAMS];
	struct input input;
	struct chunk chunk;
	struct client clients[MONITOR_CLIENTS];
};

/* monitor_setup.c: 0 or -errno */
void monitor_prepare(struct monitor *m);
int monitor_open_record(struct monitor *m);
int monitor_open_log(struct monitor *m);
int monitor_open_streams(struct monitor *m); /* the container's ends become descriptors 0 to 2 */
void monitor_take_streams(struct monitor *m, int terminal); /* none of them is here any more, but for the terminal */
void monitor_close(int *fd);

/* monitor_input.c */
void input_write(struct monitor *m); /* what waits, as far as it goes */
void input_end(struct monitor *m);   /* after what waits */

/* monitor_clients.c */
void clients_accept(struct monitor *m);
void clients_send(struct monitor *m, enum monitor_stream stream, const char *data, uint32_t size);
int clients_are_behind(const struct monitor *m); /* somebody has not got all of the chunk */
void clients_flush(struct monitor *m); /* sends what is owed, drops who stalls */
void clients_resume(struct monitor *m); /* standard input has room */
int clients_tell_end(struct monitor *m); /* 1 if all know */
int64_t clients_deadline(const struct monitor *m); /* the next, or 0 */
void client_answer(struct monitor *m, struct client *client, uint32_t type, uint32_t value, int with_status);
void client_close(struct monitor *m, struct client *client);

/* monitor_requests.c */
void client_read(struct monitor *m, struct client *client);

/* monitor_end.c */
void end_reap(struct monitor *m);
void end_kill(struct monitor *m);
int end_is_complete(struct monitor *m); /* no process of the cgroup is left */
void end_drain(struct monitor *m);      /* reads until nothing is left, or a client is behind */
int end_record(struct monitor *m);

/* monitor_loop.c */
void stream_pump(struct monitor *m, struct stream *stream, int to_its_end);
void monitor_serve(struct monitor *m);

/* monitor_main.c: the whole life; the process's exit status */
int monitor_run(int caller);

#endif
