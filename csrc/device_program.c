/* SPDX-License-Identifier: Apache-2.0 */
#include "device_program.h"
#include "syscalls.h"

#include <linux/bpf.h>
#include <string.h>

int device_program_load(const void *instructions, uint32_t size)
{
	union bpf_attr attr;
	/* The kernel wants zeros in all that it does not know, of which an initializer knows nothing. */
	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)instructions;
	attr.insn_cnt = size / (uint32_t)sizeof(struct bpf_insn);
	attr.license = (uintptr_t)"Apache-2.0";
	return (int)sys_bpf(BPF_PROG_LOAD, &attr, sizeof attr);
}

int device_program_attach(int cgroup, int program, int replaced)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return (int)sys_bpf(BPF_PROG_ATTACH, &attr, sizeof attr);
}

int device_program_list(int cgroup, uint32_t *ids, uint32_t room)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = room;
	long r = sys_bpf(BPF_PROG_QUERY, &attr, sizeof attr);
	return r < 0 ? (int)r : (int)attr.query.prog_cnt;
}

int device_program_open(uint32_t id)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof attr);
	attr.prog_id = id;
	return (int)sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof attr);
}
