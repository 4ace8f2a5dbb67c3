/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter of the command. */
#ifndef FIRKIN_FRONT_PYTHON_H
#define FIRKIN_FRONT_PYTHON_H

#include <stddef.h>

/*
 * Runs the command line in an isolated interpreter; does not return unless there is none. `answer` is a descriptor with
 * what a container answered that was started already, or -1.
 */
int front_python(int argc, char **argv, int answer);

/* The directory of packages in which firkin is installed, if that is beside the command; 0 if it is not. */
int front_packages(char *path, size_t room);

/*
 * The same in this process; the symbol of firkin-embedded.so, which is there where the interpreter has a shared library.
 * `packages` is the directory in which firkin is installed, `script` what runs.
 */
typedef int front_embedded(int argc, char **argv, const char *packages, const char *script);
#define FRONT_EMBEDDED "firkin_embedded"
#define FRONT_EMBEDDED_FILE "firkin/runtime/firkin-embedded.so"

#endif
