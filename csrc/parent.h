/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the process that asked for the container. */
#ifndef FIRKIN_PARENT_H
#define FIRKIN_PARENT_H

#include "run.h"

run_operation op_state_make, op_state_write, op_state_fifo, op_state_unlink, op_state_remove, op_pid_file;
run_operation op_cgroup_root, op_cgroup_make, op_cgroup_enable, op_cgroup_write, op_cgroup_devices, op_cgroup_remove, op_cgroup_of, op_cgroup_owner;
run_operation op_open_device_tree, op_open_namespace, op_open_process, op_open_output, op_end_process;
run_operation op_open_users, op_overlay, op_subtree, op_map_ids;
run_operation op_clone_init, op_send, op_await, op_release, op_await_exec, op_kill_child;
run_operation op_net_device, op_pin_namespace, op_unpin_namespace;
run_operation op_write_child, op_limit_child, op_connect, op_terminal_send, op_send_pidfd;
run_operation op_program, op_adopt, op_mount, op_unmount, op_terminal_listen, op_terminal_accept;

#endif
