/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRKIN_STANDARD_STREAMS_H
#define FIRKIN_STANDARD_STREAMS_H

#include <fcntl.h>
#include <unistd.h>

/* Where the caller has closed one, the next descriptor of ours would become a stream of the workload. */
static inline void open_standard_streams(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

#endif
