/* SPDX-License-Identifier: Apache-2.0 */
#include "parent.h"
#include "files.h"
#include "hook.h"

const struct run_entry parent_operations[] = {
	{ OP_OPEN, op_open },
	{ OP_OPEN_TREE, op_open_tree },
	{ OP_OPEN_PROC, op_open_proc },
	{ OP_OPEN_DEVICE_TREE, op_open_device_tree },
	{ OP_OPEN_NAMESPACE, op_open_namespace },
	{ OP_OPEN_PROCESS, op_open_process },
	{ OP_OPEN_OUTPUT, op_open_output },
	{ OP_CLOSE, op_close },
	{ OP_END_PROCESS, op_end_process },
	{ OP_STATE_MAKE, op_state_make },
	{ OP_STATE_WRITE, op_state_write },
	{ OP_STATE_FIFO, op_state_fifo },
	{ OP_STATE_REMOVE, op_state_remove },
	{ OP_STATE_UNLINK, op_state_unlink },
	{ OP_PID_FILE, op_pid_file },
	{ OP_CGROUP_ROOT, op_cgroup_root },
	{ OP_CGROUP_MAKE, op_cgroup_make },
	{ OP_CGROUP_ENABLE, op_cgroup_enable },
	{ OP_CGROUP_WRITE, op_cgroup_write },
	{ OP_CGROUP_DEVICES, op_cgroup_devices },
	{ OP_CGROUP_REMOVE, op_cgroup_remove },
	{ OP_CGROUP_OF, op_cgroup_of },
	{ OP_CLONE, op_clone_init },
	{ OP_SEND, op_send },
	{ OP_AWAIT, op_await },
	{ OP_RELEASE, op_release },
	{ OP_AWAIT_EXEC, op_await_exec },
	{ OP_HOOK, op_hook },
	{ OP_WRITE_CHILD, op_write_child },
	{ OP_LIMIT_CHILD, op_limit_child },
	{ OP_KILL_CHILD, op_kill_child },
	{ OP_PIN_NAMESPACE, op_pin_namespace },
	{ OP_UNPIN_NAMESPACE, op_unpin_namespace },
	{ OP_TERMINAL_CONNECT, op_terminal_connect },
	{ OP_TERMINAL_SEND, op_terminal_send },
};
const unsigned parent_operation_count = sizeof parent_operations / sizeof parent_operations[0];
