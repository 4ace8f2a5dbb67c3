/* SPDX-License-Identifier: Apache-2.0 */
#include "mount_context.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <linux/mount.h>

int context_set(int context, struct plan_bytes options)
{
	const char *s = options.data, *end = s + options.size;
	if (options.size && end[-1])
		return -EINVAL;
	while (s < end) {
		const char *key = s, *value = key + text_length(key) + 1;
		if (value >= end)
			return -EINVAL;
		s = value + text_length(value) + 1;
		int is_flag = key[0] == '!';
		long r = sys_fsconfig(context, is_flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key + 1,
				      is_flag ? 0 : value, 0);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

/* One message a read: "e proc: ...". */
void context_message(int context, char *to, size_t room)
{
	char message[PLAN_DETAIL];
	long n = sys_read(context, message, sizeof message - 1);
	if (n <= 2)
		return;
	message[message[n - 1] == '\n' ? n - 1 : n] = 0;
	text_copy(to, room, message + 2);
}
