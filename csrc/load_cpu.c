/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of processors: threads that never sleep. */
#include "load.h"

#include <pthread.h>
#include <stddef.h>

__attribute__((noreturn)) static void *spin(void *unused)
{
	(void)unused;
	for (volatile unsigned long turns = 0;; turns++)
		;
}

static int spin_threads(char **arguments)
{
	unsigned long count = load_number(arguments[0]);
	for (unsigned long number = 1; number < count; number++) {
		pthread_t thread;
		int error = pthread_create(&thread, NULL, spin, NULL);
		if (error)
			return load_failed("make a thread", error);
	}
	load_say("spinning");
	spin(NULL);
}

const struct load load_spin = {"spin", "THREADS", 1, spin_threads};
