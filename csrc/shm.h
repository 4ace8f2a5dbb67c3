/* SPDX-License-Identifier: Apache-2.0 */
/* The /dev/shm that the containers of a pod share: a tmpfs of limited size on a directory of the host. */
#ifndef FIRKIN_SHM_H
#define FIRKIN_SHM_H

/* Mounts a tmpfs of `size` (as tmpfs has it: "65536k") on the open directory; 0 or -errno. */
int shm_mount(int directory, const char *size);

/* Takes away what is mounted on `path`, also while it is in use; 0 if nothing is, or -errno. */
int shm_unmount(const char *path);

#endif
