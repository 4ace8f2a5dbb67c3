/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: one buffer that says everything that is done to start a process in a container.
 *
 *   header | text | operations of the parent | of the child | of the undo
 *
 * The parent's operations run in the process that asked for the container (the spawner), the
 * child's in the new process (firkin-init), the undo's in the parent after a failure. Both lists
 * run in order and stop at the first error; they meet at the rendezvous operations. An operation
 * has a fixed size, and its arguments are numbers, slots, or references into the text, all checked
 * against the buffer before the first operation runs (plan_check).
 *
 * A slot is a number that stands for a file descriptor: operations fill slots and use them, so a
 * path is resolved once and never again.
 *
 * This header is the only definition of the encoding. runtime/plan/opcodes.py is generated from it.
 */
#ifndef FIRKIN_PLAN_H
#define FIRKIN_PLAN_H

#include <stdint.h>

#define PLAN_MAGIC 0x4e50464bu /* "KFPN" */
#define PLAN_VERSION 1
#define PLAN_MAX_SLOTS 1024
#define PLAN_MAX_OPS 16384
#define PLAN_MAX_SIZE (64u << 20)
#define PLAN_ARGS 6
#define PLAN_NO_SLOT 0xffffffffu

enum plan_section { PLAN_PARENT, PLAN_CHILD, PLAN_UNDO, PLAN_SECTIONS };

struct plan_range {
	uint32_t offset; /* bytes from the start of the buffer */
	uint32_t count;  /* operations; bytes for the text */
};

struct plan_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size;         /* of the whole buffer, bytes */
	uint32_t slots;        /* number of slots in use */
	uint32_t preserve_fds; /* descriptors from 3 that the workload inherits */
	uint32_t reserved;
	struct plan_range sections[PLAN_SECTIONS];
	struct plan_range text;
};

struct plan_op {
	uint32_t code;
	uint32_t origin; /* text: the place in the document that asked for it */
	uint64_t arg[PLAN_ARGS];
};

/*
 * Kinds of arguments, as the signatures below spell them:
 *   n  number
 *   s  slot that must be filled            o  slot that the operation fills
 *   S  slot or PLAN_NO_SLOT
 *   t  text, NUL-terminated                b  bytes; text and bytes are (length << 32 | offset)
 *   v  vector of texts: offset of 64-bit offsets that a 0 ends, as execve(2) wants it
 *
 * In a template (b:template) these bytes stand for values known only at run time.
 */
#define PLAN_HOLE_PID 0x01        /* the container's first process, as the writer sees it */
#define PLAN_HOLE_START_TIME 0x02 /* its start time, field 22 of /proc/PID/stat */

/* Who may run an operation. */
#define P 1
#define C 2
#define U 4

/*    code, name, sides, signature */
#define PLAN_OPS(X) \
	/* descriptors of the host's files */ \
	X(1, OPEN, "open", P | C, "o:out t:path n:flags") \
	X(2, OPEN_TREE, "open-tree", P | C, "o:out t:path n:flags") \
	X(3, OPEN_DEVICE_TREE, "open-device-tree", P, "o:out t:path n:mode n:device") \
	X(4, OPEN_NAMESPACE, "open-namespace", P, "o:out t:path n:type") \
	X(5, OPEN_PROCESS, "open-process", P, "o:out n:pid n:start_time") \
	X(6, OPEN_OUTPUT, "open-output", P, "o:out") \
	X(7, CLOSE, "close", P | C | U, "s:fd") \
	X(8, END_PROCESS, "end-process", P, "s:process") \
	X(9, OPEN_USERS, "open-users", P, "o:out b:uid_map b:gid_map") \
	/* the container's record on disk */ \
	X(10, STATE_MAKE, "state-make", P, "o:out t:root t:id") \
	X(11, STATE_WRITE, "state-write", P, "s:dir t:name n:mode b:template") \
	X(12, STATE_FIFO, "state-fifo", P, "o:out s:dir t:name") \
	X(13, STATE_REMOVE, "state-remove", U | P, "s:dir t:root t:id") \
	X(14, PID_FILE, "pid-file", P, "t:path b:template") \
	X(15, STATE_UNLINK, "state-unlink", U | P, "s:dir t:name") \
	/* the cgroup */ \
	X(20, CGROUP_ROOT, "cgroup-root", P, "o:out t:path") \
	X(21, CGROUP_MAKE, "cgroup-make", P, "o:out s:parent t:name n:exclusive") \
	X(26, CGROUP_ENABLE, "cgroup-enable", P, "s:dir t:wanted t:required") \
	X(22, CGROUP_WRITE, "cgroup-write", P, "s:dir t:file b:value n:optional") \
	X(23, CGROUP_DEVICES, "cgroup-devices", P, "s:dir b:program") \
	X(24, CGROUP_REMOVE, "cgroup-remove", U, "s:parent t:name s:dir") \
	X(25, CGROUP_OF, "cgroup-of", P, "o:out s:root n:pid") \
	X(27, CGROUP_OWNER, "cgroup-owner", P, "s:dir n:uid v:files") \
	/* processes and the meeting of parent and child */ \
	X(30, CLONE, "clone", P | C, "n:flags S:cgroup") \
	X(31, SEND, "send", P, "n:first n:count") \
	X(32, RECEIVE, "receive", C, "n:first n:count") \
	X(33, AWAIT, "await", P, "n:point") \
	X(34, RELEASE, "release", P, "n:point") \
	X(35, RENDEZVOUS, "rendezvous", C, "n:point") \
	X(36, AWAIT_EXEC, "await-exec", P, "") \
	X(37, WAIT_START, "wait-start", C, "s:gate s:answer") \
	X(38, HOOK, "hook", P | C, "t:path v:args v:env n:timeout_ms b:template S:output") \
	X(39, WRITE_CHILD, "write-child", P, "t:file b:value") \
	X(40, LIMIT_CHILD, "limit-child", P, "n:resource n:soft n:hard") \
	X(41, KILL_CHILD, "kill-child", U | P, "") \
	X(42, SEND_PIDFD, "send-pidfd", P, "s:socket") \
	X(43, SCHEDULER, "scheduler", P, "b:attributes") \
	X(44, IO_PRIORITY, "io-priority", P, "n:priority") \
	/* namespaces */ \
	X(50, SETNS, "setns", C, "s:fd n:types") \
	X(51, UNSHARE, "unshare", C, "n:types") \
	X(52, HOSTNAME, "hostname", C, "t:name") \
	X(53, DOMAINNAME, "domainname", C, "t:name") \
	X(54, LOOPBACK, "loopback-up", C, "") \
	X(57, LEND_NETWORK, "lend-network", C, "") \
	X(58, NET_DEVICE, "net-device", P, "t:device t:name") \
	X(55, PIN_NAMESPACE, "pin-namespace", P, "s:dir t:name n:type") \
	X(56, UNPIN_NAMESPACE, "unpin-namespace", U | P, "s:dir t:name") \
	/* mounts */ \
	X(60, PROPAGATION, "propagation", C, "t:path n:type n:recursive") \
	X(61, ROOT_ATTACH, "root-attach", C, "s:tree t:path") \
	X(62, MOUNT_NEW, "mount-new", C, "o:out t:type b:options n:attributes") \
	X(63, MOUNT_LEGACY, "mount-legacy", C, "s:root t:path t:type t:source n:flags t:data") \
	X(64, MOUNT_ATTRIBUTES, "mount-attributes", C, "s:mount n:set n:clear n:type n:recursive") \
	X(65, ATTACH, "attach", C, "s:mount s:root t:path n:flags") \
	X(66, REMOUNT, "remount", C, "s:root t:path n:set n:clear n:type n:recursive") \
	X(67, MASK, "mask", C, "s:root t:path s:null") \
	X(68, READONLY, "readonly", C, "s:root t:path") \
	X(69, PIVOT, "pivot", C, "s:root") \
	X(70, CHROOT, "chroot", C, "s:root") \
	X(71, OVERLAY, "overlay", P, "o:out v:lower t:upper t:work b:options S:users") \
	X(72, SUBTREE, "subtree", P, "o:out s:tree t:path") \
	X(73, MAP_IDS, "map-ids", P, "s:tree s:users n:recursive") \
	X(75, COPY_MODE, "copy-mode", C, "s:mount s:root t:path") \
	X(74, COPY_UP, "copy-up", C, "s:mount s:root t:path") \
	/* files of the root file system */ \
	X(80, MKDIR, "mkdir", C, "s:root t:path n:mode") \
	X(81, MKNOD, "mknod", C, "s:root t:path n:mode n:device n:uid n:gid") \
	X(82, SYMLINK, "symlink", C, "s:root t:path t:target") \
	X(83, OPEN_NULL, "open-null", C, "o:out t:path") \
	X(84, OPEN_PROC, "open-proc", P | C, "o:out") \
	X(85, PROC_WRITE, "proc-write", C, "s:proc t:path b:value") \
	/* the process itself */ \
	X(90, SETSID, "setsid", C, "") \
	X(91, TERMINAL, "terminal", C, "s:root n:rows n:columns n:flags") \
	X(92, TERMINAL_SEND, "terminal-send", P, "s:socket") \
	X(93, CONNECT, "connect", P, "o:out t:path") \
	X(94, STDIO_OWNER, "stdio-owner", C, "n:uid") \
	X(95, CHDIR, "chdir", C, "t:path n:again") \
	X(96, UMASK, "umask", C, "n:mask") \
	X(97, SETGROUPS, "setgroups", C, "b:gids") \
	X(98, SETGID, "setgid", C, "n:gid") \
	X(99, SETUID, "setuid", C, "n:uid") \
	X(100, CAP_BOUND, "cap-bound", C, "n:keep n:last") \
	X(101, CAP_KEEP, "cap-keep", C, "n:keep") \
	X(102, CAP_SET, "cap-set", C, "n:effective n:permitted n:inheritable") \
	X(103, CAP_AMBIENT, "cap-ambient", C, "n:ambient") \
	X(104, NO_NEW_PRIVS, "no-new-privs", C, "") \
	X(105, SECCOMP, "seccomp", C, "b:program n:flags") \
	X(106, DUMPABLE, "dumpable", C, "n:value") \
	X(107, KEYRING, "keyring", C, "t:name") \
	X(118, HOME, "home", C, "n:uid t:variable") \
	X(110, CLOSE_ON_EXEC, "close-on-exec", C, "") \
	X(111, KEEP_SLOTS, "keep-slots", C, "S:gate S:answer S:output S:listener") \
	X(108, FIND_EXECUTABLE, "find-executable", C, "v:candidates") \
	X(109, EXEC, "exec", C, "v:candidates v:args v:env") \
	X(112, REAP, "reap", C, "") \
	X(113, DIE_WITH_PARENT, "die-with-parent", C, "") \
	X(114, PERSONALITY, "personality", C, "n:domain") \
	X(115, MEMORY_POLICY, "memory-policy", C, "n:mode b:nodes") \
	X(116, AFFINITY, "affinity", P | C, "b:processors") \
	X(117, SECCOMP_NOTIFY, "seccomp-notify", C, "b:program n:flags s:listener b:template") \
	/* containers that another runtime makes */ \
	X(120, PROGRAM, "program", P | U, "S:output t:path v:args v:env n:timeout_ms") \
	X(121, ADOPT, "adopt", P, "o:cgroup S:root t:path s:dir t:file") \
	X(122, MOUNT, "mount", P, "s:tree t:path") \
	X(123, UNMOUNT, "unmount", P | U, "s:tree t:path") \
	X(124, TERMINAL_LISTEN, "terminal-listen", P, "o:out t:path") \
	X(125, TERMINAL_ACCEPT, "terminal-accept", P, "s:socket t:path")

#define PLAN_ENUM(code, name, text, sides, signature) OP_##name = (code),
enum plan_code { PLAN_OPS(PLAN_ENUM) };
#undef PLAN_ENUM
#undef P
#undef C
#undef U

enum plan_side { PLAN_SIDE_PARENT = 1, PLAN_SIDE_CHILD = 2, PLAN_SIDE_UNDO = 4 };

/* Flags of `open-tree`. */
#define PLAN_TREE_RECURSIVE 1
#define PLAN_TREE_NO_FOLLOW 2 /* what the path names may be a symbolic link, which is what is opened then */

/* Flags of `attach`. */
#define PLAN_ATTACH_ON_PROC 1   /* the target may lie on procfs */
#define PLAN_ATTACH_PROC_ONLY 2 /* the mount must be a procfs: its target is /proc itself */
#define PLAN_ATTACH_NO_FOLLOW 4 /* the target's last component must not be a symbolic link */
#define PLAN_ATTACH_ON_LINK 8   /* with it: or is what is mounted upon */

/* Flags of `terminal`. */
#define PLAN_TERMINAL_BIND 1  /* it is /dev/console */
#define PLAN_TERMINAL_PLAIN 2 /* a line that is written ends as the program wrote it, without a carriage return */

/* Points where parent and child meet. */
enum plan_point {
	PLAN_POINT_MAPS = 1,    /* child exists in its user namespace, without identities */
	PLAN_POINT_HOOKS = 2,   /* mounts are made, the old root is still there */
	PLAN_POINT_READY = 3,   /* all is set up but for what `start` does */
	PLAN_POINT_LIMITS = 4,  /* the child still has the identity whose limits the parent may set */
	PLAN_POINT_DEVICES = 6, /* the child has its network namespace, and has lent a socket of it */
	PLAN_POINT_FILTER = 5,  /* the child is about to be told its process id on the host, for a seccomp agent */
};

/*
 * The socket between parent and child carries records of one size. A child that reads the end of
 * the file where it expects a record has lost its parent and exits: a create that dies leaves no
 * process behind.
 *
 *   parent                       child
 *     |---- descriptors ----------->|   RECEIVE
 *     |<--- STILLBORN (pidfd) ------|   CLONE: this one is to be reaped, there will be another one
 *     |<--- CLONED (pid, pidfd) ----|   CLONE: the sender exits, its child goes on
 *     |<--- ARRIVED point ----------|   RENDEZVOUS
 *     |---- RELEASED point -------->|
 *     |<--- TERMINAL (pty master) --|   TERMINAL
 *     |<--- NETWORK (socket) -------|   LEND_NETWORK
 *     |<--- FAILED op, errno -------|   any; the child exits
 *     |<--- end of file ------------|   EXEC, REAP
 */
enum plan_message { PLAN_ARRIVED = 1, PLAN_RELEASED, PLAN_CLONED, PLAN_TERMINAL, PLAN_FAILED, PLAN_SLOTS, PLAN_STILLBORN, PLAN_NETWORK };

#define PLAN_DETAIL 232

struct plan_record {
	uint32_t type;
	uint32_t value; /* point, pid, or number of descriptors */
	uint32_t op;    /* index into the child's operations; of RELEASED, the child's process id on the host */
	int32_t error;  /* errno of a failure */
	char detail[PLAN_DETAIL];
};

#endif
