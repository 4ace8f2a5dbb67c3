/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter is started isolated and without `site`; its search path is the standard library and the directory
 * where firkin is installed. It is a library of this process where that can be had, as executing a program once more
 * costs a millisecond; and it is loaded here, not linked, as most commands of engines need none.
 */
#include "front_python.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Dependencies may lie elsewhere (a system-wide cffi): then `site` finds them. */
#define BOOTSTRAP \
	"import sys\n" \
	"try:\n" \
	"    import _cffi_backend\n" \
	"    from firkin.start import main\n" \
	"except ImportError:\n" \
	"    import site\n" \
	"    site.main()\n" \
	"    from firkin.start import main\n" \
	"code = main(%d)\n" \
	"import os\n" \
	"os._exit(code)\n"
#define SEARCH_PATH "import sys; sys.path.insert(0, sys.argv.pop(1))\n"

/* PREFIX/lib/pythonX.Y/site-packages (dist-packages on Debian) of PREFIX/bin/firkin, if firkin is there. */
int front_packages(char *path, size_t room)
{
	static const char *const names[] = { "site-packages", "dist-packages" };
	char prefix[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", prefix, sizeof prefix - 1);
	if (n < 0)
		return 0;
	prefix[n] = 0;
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(prefix, '/');
		if (!slash)
			return 0;
		*slash = 0;
	}
	for (int i = 0; i < 2; i++) {
		char probe[PATH_MAX + 128];
		snprintf(path, room, "%s/lib/" PYTHON_NAME "/%s", prefix, names[i]);
		snprintf(probe, sizeof probe, "%s/firkin/runtime/firkin-init", path);
		if (!access(probe, F_OK))
			return 1;
	}
	return 0;
}

static void run_embedded(int argc, char **argv, const char *packages, const char *script)
{
	char file[PATH_MAX + 128];
	snprintf(file, sizeof file, "%s/" FRONT_EMBEDDED_FILE, packages);
	if (access(file, F_OK))
		return;
	/* Modules in C take the interpreter's symbols from the whole process. */
	void *library = dlopen(file, RTLD_LAZY | RTLD_GLOBAL);
	front_embedded *run = library ? (front_embedded *)dlsym(library, FRONT_EMBEDDED) : 0;
	if (run)
		exit(run(argc, argv, packages, script));
}

static int run_program(int argc, char **argv, const char *packages, const char *script)
{
	char text[1024];
	char **args = calloc((size_t)argc + 8, sizeof *args);
	int n = 0;
	if (!args)
		return 1;
	snprintf(text, sizeof text, "%s%s", packages ? SEARCH_PATH : "", script);
	args[n++] = argv[0];
	args[n++] = "-I";
	if (packages)
		args[n++] = "-S";
	args[n++] = "-c";
	args[n++] = text;
	if (packages)
		args[n++] = (char *)packages;
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	execvp(PYTHON_NAME, args);
	perror("firkin: " PYTHON_NAME);
	return 1;
}

int front_python(int argc, char **argv, int answer)
{
	char packages[PATH_MAX + 64], script[512];
	int found = front_packages(packages, sizeof packages);
	snprintf(script, sizeof script, BOOTSTRAP, answer);
	if (found)
		run_embedded(argc, argv, packages, script);
	if (answer >= 0)
		fcntl(answer, F_SETFD, 0);
	return run_program(argc, argv, found ? packages : 0, script);
}
