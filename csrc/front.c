/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin: the command. It starts an isolated interpreter without `site`, whose search path is the
 * standard library and the directory where firkin is installed, and leaves without tearing it down.
 */
#ifdef EMBED_PYTHON
#include <Python.h>
#endif
#include "standard_streams.h"

#include <limits.h>
#include <signal.h>
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
	"code = main()\n" \
	"import os\n" \
	"os._exit(code)\n"

/* PREFIX/lib/pythonX.Y/site-packages (dist-packages on Debian) of PREFIX/bin/firkin, if firkin is there. */
static int find_packages(char *path, size_t room)
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

#ifdef EMBED_PYTHON
static PyStatus add_path(PyConfig *config, const char *path)
{
	wchar_t *wide = Py_DecodeLocale(path, NULL);
	if (!wide)
		return PyStatus_NoMemory();
	PyStatus status = PyWideStringList_Append(&config->module_search_paths, wide);
	PyMem_RawFree(wide);
	return status;
}

static PyStatus search_path(PyConfig *config, const char *packages)
{
	config->module_search_paths_set = 1;
	PyStatus status = add_path(config, packages);
	if (!PyStatus_Exception(status))
		status = add_path(config, PYTHON_STDLIB);
	if (!PyStatus_Exception(status))
		status = add_path(config, PYTHON_STDLIB "/lib-dynload");
	return status;
}

static PyStatus start_python(int argc, char **argv)
{
	PyPreConfig before;
	PyPreConfig_InitIsolatedConfig(&before);
	before.utf8_mode = 1;
	PyStatus status = Py_PreInitialize(&before);
	if (PyStatus_Exception(status))
		return status;
	PyConfig config;
	PyConfig_InitIsolatedConfig(&config);
	char packages[PATH_MAX + 64];
	config.site_import = 0;
	config.write_bytecode = 0;
	status = PyConfig_SetBytesArgv(&config, argc, argv);
	if (!PyStatus_Exception(status) && find_packages(packages, sizeof packages))
		status = search_path(&config, packages);
	else
		config.site_import = 1;
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	return status;
}

int main(int argc, char **argv)
{
	open_standard_streams();
	/* Children of a process that ignores it leave no exit status. */
	signal(SIGCHLD, SIG_DFL);
	PyStatus status = start_python(argc, argv);
	if (PyStatus_Exception(status))
		Py_ExitStatusException(status);
	PyRun_SimpleString(BOOTSTRAP);
	return 1;
}
#else
#define SEARCH_PATH "import sys; sys.path.insert(0, sys.argv.pop(1))\n"

int main(int argc, char **argv)
{
	open_standard_streams();
	/* Children of a process that ignores it leave no exit status. */
	signal(SIGCHLD, SIG_DFL);
	char packages[PATH_MAX + 64];
	char **args = calloc((size_t)argc + 8, sizeof *args);
	int n = 0, found = find_packages(packages, sizeof packages);
	if (!args)
		return 1;
	args[n++] = argv[0];
	args[n++] = "-I";
	if (found)
		args[n++] = "-S";
	args[n++] = "-c";
	args[n++] = found ? SEARCH_PATH BOOTSTRAP : BOOTSTRAP;
	if (found)
		args[n++] = packages;
	for (int i = 1; i < argc; i++)
		args[n++] = argv[i];
	execvp(PYTHON_NAME, args);
	perror("firkin: " PYTHON_NAME);
	return 1;
}
#endif
