/* SPDX-License-Identifier: Apache-2.0 */
/* On which processors, how often and with which memory a process runs. */
#ifndef FIRKIN_SCHEDULING_H
#define FIRKIN_SCHEDULING_H

#include "run.h"

/* On both sides; in the parent it is about its own thread, of which the child is born, and lasts until then. */
run_operation op_affinity;

/* Gives the thread the processors back that it had before op_affinity(); 0 or -errno. */
int affinity_restore(struct run *run);

/* The parent's, who has the right to it, about the child. */
run_operation op_scheduler, op_io_priority;

#endif
