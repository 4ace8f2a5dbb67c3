/* SPDX-License-Identifier: Apache-2.0 */
/* firkin-embedded.so: the interpreter as a library of the command. */
#include "front_python.h"

#include <Python.h>

#include <limits.h>

__attribute__((visibility("default"))) front_embedded firkin_embedded;

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

static PyStatus start_python(int argc, char **argv, const char *packages)
{
	PyPreConfig before;
	PyPreConfig_InitIsolatedConfig(&before);
	before.utf8_mode = 1;
	PyStatus status = Py_PreInitialize(&before);
	if (PyStatus_Exception(status))
		return status;
	PyConfig config;
	PyConfig_InitIsolatedConfig(&config);
	config.site_import = 0;
	config.write_bytecode = 0;
	status = PyConfig_SetBytesArgv(&config, argc, argv);
	if (!PyStatus_Exception(status))
		status = search_path(&config, packages);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	return status;
}

int firkin_embedded(int argc, char **argv, const char *packages, const char *script)
{
	PyStatus status = start_python(argc, argv, packages);
	if (PyStatus_Exception(status))
		Py_ExitStatusException(status);
	/* It leaves by _exit(), without tearing the interpreter down. */
	PyRun_SimpleString(script);
	return 1;
}
