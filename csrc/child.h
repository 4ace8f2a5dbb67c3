/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the new process. */
#ifndef FIRKIN_CHILD_H
#define FIRKIN_CHILD_H

#include "run.h"

run_operation op_setns, op_unshare, op_hostname, op_domainname, op_loopback, op_lend_network;
run_operation op_propagation, op_root_attach, op_mount_new, op_mount_legacy, op_mount_attributes, op_attach;
run_operation op_remount, op_mask, op_readonly, op_pivot, op_chroot;
run_operation op_mkdir, op_mknod, op_symlink, op_open_null, op_proc_write;
run_operation op_clone_again, op_receive, op_rendezvous, op_wait_start;
run_operation op_setsid, op_terminal, op_stdio_owner, op_chdir, op_umask, op_keyring, op_dumpable;
run_operation op_setgroups, op_setgid, op_setuid, op_cap_bound, op_cap_keep, op_cap_set, op_cap_ambient;
run_operation op_home, op_personality, op_memory_policy, op_seccomp_notify, op_copy_up, op_copy_mode;
run_operation op_no_new_privs, op_seccomp, op_close_on_exec, op_keep_slots, op_find_executable, op_exec, op_reap, op_die_with_parent;

/* mount_setattr of `fd` itself. */
int mount_attributes(int fd, uint64_t set, uint64_t clear, uint64_t propagation, uint64_t recursive);

/* A device as mknod(2) takes it, of major << 32 | minor. */
uint64_t encode_device(uint64_t device);

/* Whether `fd` lies on a file system of type `magic`; -errno. */
int on_filesystem(int fd, long magic);

/* Tells the parent of a failure of the operation at hand. */
void child_report(struct run *run, int error);

#endif
