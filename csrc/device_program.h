/* SPDX-License-Identifier: Apache-2.0 */
/* Device programs of cgroups (BPF_CGROUP_DEVICE). All programs on the way to the root must allow an access. */
#ifndef FIRKIN_DEVICE_PROGRAM_H
#define FIRKIN_DEVICE_PROGRAM_H

#include <stdint.h>

/* Loads instructions of `size` bytes: a descriptor, or -errno. */
int device_program_load(const void *instructions, uint32_t size);

/* Attaches the program beside others or, in one step, in the place of `replaced` (-1: none). 0 or -errno. */
int device_program_attach(int cgroup, int program, int replaced);

/* The ids of programs attached to the cgroup itself, at most `room`: their number, or -errno. */
int device_program_list(int cgroup, uint32_t *ids, uint32_t room);

/* A descriptor of the program with the id, or -errno. */
int device_program_open(uint32_t id);

#endif
