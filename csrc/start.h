/* SPDX-License-Identifier: Apache-2.0 */
/* A program without a C library: start.c is its entry, and calls this. */
#ifndef FIRKIN_START_H
#define FIRKIN_START_H

/* The exit status. */
int start_main(int argc, char **argv);

#endif
