/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor: a process for each container that is its parent, holds the other ends of its standard streams, writes
 * its log and records its end. Who started it may die at any moment.
 *
 *   caller                                  monitor
 *     |---- order, descriptors -------------->|
 *     |                                       |   the plan is run
 *     |<--- answer, descriptors --------------|   once, and the socket closes
 *
 *   client, any number of them              monitor     at MONITOR_SOCKET in the container's directory
 *     |---- ATTACH streams ------------------>|
 *     |<--- ATTACHED flags -------------------|
 *     |---- STDIN bytes --------------------->|
 *     |---- CLOSE_STDIN --------------------->|
 *     |---- RESIZE rows << 16 | columns ----->|
 *     |---- REOPEN_LOG ---------------------->|
 *     |<--- DONE errno -----------------------|   after ATTACH that is refused, RESIZE, REOPEN_LOG
 *     |---- STATUS -------------------------->|
 *     |<--- STATUS struct monitor_status -----|
 *     |<--- STDOUT, STDERR bytes -------------|
 *     |<--- EXITED struct monitor_status -----|   last, and the socket closes
 *
 * All sockets keep the boundaries of messages (SOCK_SEQPACKET). A message to or from a client is a head and what
 * follows it, in the byte order of the machine; one that makes no sense ends the connection. What a client sends
 * after a STDIN that there is no room for waits with it.
 *
 * The socket in the directory listens before the monitor exists, so a connection is refused (ECONNREFUSED) if and
 * only if the monitor is gone.
 */
#ifndef FIRKIN_MONITOR_H
#define FIRKIN_MONITOR_H

#include <stddef.h>
#include <stdint.h>

#define MONITOR_SOCKET "monitor"
#define MONITOR_EXIT "exit" /* the record of the end; fields as in struct monitor_status, "name value" lines */

#define MONITOR_NAME 256     /* room for a file name */
#define MONITOR_PACKET 16384 /* most bytes of a stream in one message */
#define MONITOR_MAX_LINE 16384
#define MONITOR_DETAIL 232

/* Where a plan finds the mount namespace that its order brought, if one did: at this descriptor of the monitor. */
#define MONITOR_NURSERY_FD 255
#define MONITOR_NURSERY_PATH "/proc/self/fd/255"

enum monitor_flag {
	MONITOR_TERMINAL = 1,   /* the plan makes a terminal: it is the container's only stream */
	MONITOR_STDIN = 2,      /* standard input comes from clients; else it is empty */
	MONITOR_STDIN_ONCE = 4, /* it ends with the first client that was attached to it */
	MONITOR_HAS_LOG = 8,    /* these are set by monitor_start() */
	MONITOR_HAS_NURSERY = 16,
};

enum monitor_stream { MONITOR_TO_STDIN = 1, MONITOR_FROM_STDOUT = 2, MONITOR_FROM_STDERR = 4 };

/* Descriptors beside it: plan, firkin-init, the container's directory, listening socket; then what the flags tell of. */
struct monitor_order {
	uint32_t flags;
	uint32_t max_line; /* bytes of a line in the log, from which on it is split */
	uint32_t stall_ms; /* how long a client may take nothing while there is something for it */
	uint32_t kill_ms;  /* how long to wait for the end of the container's other processes */
	char log_name[MONITOR_NAME];
};

/* How far a start came. */
enum monitor_stage { MONITOR_AT_ORDER, MONITOR_AT_RECORD, MONITOR_AT_LOG, MONITOR_AT_STREAMS, MONITOR_AT_PLAN };

/* Descriptors beside it: the container's pidfd if there is a pid, what hooks wrote if there is output. */
struct monitor_answer {
	uint32_t stage;
	int32_t error; /* 0, or the errno of what failed */
	int32_t section; /* these as in struct spawn_outcome */
	uint32_t op;
	int32_t undo_error;
	uint32_t undo_op;
	int32_t pid;
	uint32_t has_output;
	int64_t start_time; /* of the process, clock ticks since boot */
	int64_t started_ns; /* when the plan was done, since the epoch */
	char detail[MONITOR_DETAIL];
};

enum monitor_message {
	MONITOR_ATTACH = 1,
	MONITOR_STDIN_DATA,
	MONITOR_CLOSE_STDIN,
	MONITOR_RESIZE,
	MONITOR_REOPEN_LOG,
	MONITOR_STATUS,
	MONITOR_ATTACHED = 16,
	MONITOR_STDOUT_DATA,
	MONITOR_STDERR_DATA,
	MONITOR_DONE,
	MONITOR_EXITED,
};

struct monitor_head {
	uint32_t type;
	uint32_t value;
};

struct monitor_status {
	int32_t monitor;   /* the monitor's own process id */
	int32_t pid;
	int32_t code;      /* exit status, if no signal ended it */
	int32_t signal;    /* that ended it, or 0 */
	int32_t log_error; /* errno why the log can not be written now, or 0 */
	int32_t reserved;
	int64_t start_time;
	int64_t started_ns;
	int64_t exited_ns; /* 0 while it runs */
	int64_t oom_kills; /* processes of its cgroup that were killed for lack of memory; -1: not known */
	int64_t lost_records; /* of the log, for lack of space and the like */
	int64_t lost_bytes;
};

/* The caller's side. */
struct monitor_request {
	const char *program; /* firkin-monitor */
	const void *plan;
	size_t plan_size;
	int init;           /* sealed file of firkin-init */
	int directory;      /* of the container; nothing of it may be there but what a monitor that is gone left */
	int log_directory;  /* -1: no log */
	int nursery;        /* a mount namespace for the plan; -1: none */
	int cgroup;         /* of the monitor itself; -1: the caller's */
	struct monitor_order order;
	int pid;            /* results: the monitor, a child of the caller; where its answer will come */
	int pidfd;
	int socket;
};

/* 0, and descriptors of the request can be closed; -EBUSY if the directory has a monitor; another -errno. */
int monitor_start(struct monitor_request *request);

/* 0 or -errno: -EPIPE if the monitor died. `pidfd` and `output` are -1 where there is none. */
int monitor_receive_answer(int socket, struct monitor_answer *answer, int *pidfd, int *output);

#endif
