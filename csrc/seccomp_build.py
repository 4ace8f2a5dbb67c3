"""Emits the C source of `firkin.runtime._seccomp`, the cffi extension for libseccomp's names and numbers.

Run as `python seccomp_build.py OUTPUT.c`; the result is compiled against <seccomp.h> and linked with `-lseccomp`
(2.5 or newer).
"""

import sys

from cffi import FFI

DECLARATIONS = """
struct scmp_version {
    unsigned int major;
    unsigned int minor;
    unsigned int micro;
    ...;
};

const struct scmp_version *seccomp_version(void);
uint32_t seccomp_arch_native(void);
uint32_t seccomp_arch_resolve_name(const char *arch_name);
int seccomp_syscall_resolve_name_arch(uint32_t arch_token, const char *name);
char *seccomp_syscall_resolve_num_arch(uint32_t arch_token, int num);
void free(void *);

const char *firkin_library(void);
"""

SOURCE = """
#include <dlfcn.h>
#include <seccomp.h>
#include <stdlib.h>

/* The file that libseccomp was loaded from; NULL if the loader does not say. */
static const char *firkin_library(void)
{
	Dl_info info;
	return dladdr((void *)seccomp_version, &info) ? info.dli_fname : NULL;
}
"""

builder = FFI()
builder.cdef(DECLARATIONS)
builder.set_source("firkin.runtime._seccomp", SOURCE, libraries=["seccomp"])

if __name__ == "__main__":
    builder.emit_c_code(sys.argv[1])
