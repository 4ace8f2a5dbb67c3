/* SPDX-License-Identifier: Apache-2.0 */
/* `firkin state`: the record's fields and the status, as runtime/describe.py has them. */
#include "front.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const statuses[] = {
	[FRONT_CREATING] = "creating", [FRONT_CREATED] = "created", [FRONT_RUNNING] = "running",
	[FRONT_PAUSED] = "paused",     [FRONT_STOPPED] = "stopped",
};

static void print_text(FILE *to, const struct front_record *record, const char *name)
{
	struct front_json value = { "\"\"", 2 };
	if (!front_json_member(record->state, name, &value) || *value.at != '"')
		value = (struct front_json){ "\"\"", 2 };
	fprintf(to, "  \"%s\": %.*s,\n", name, (int)value.size, value.at);
}

static int print_annotations(FILE *to, const struct front_record *record)
{
	struct front_json all, name, value;
	const char *at = front_json_member(record->state, "annotations", &all) ? all.at : "{}";
	int count = 0, r;
	fputs("  \"annotations\": {", to);
	while ((r = front_json_next(&at, &name, &value)) > 0)
		fprintf(to, "%s\n    %.*s: %.*s", count++ ? "," : "", (int)name.size, name.at, (int)value.size, value.at);
	fputs(count ? "\n  },\n" : "},\n", to);
	return r;
}

static int print(FILE *to, const struct front_record *record, const struct front_words *words)
{
	struct front_json owner;
	int status = front_record_status(record);
	/* Names of other users are looked up. */
	if (status < 0 || !front_json_member(record->state, "owner", &owner) || front_json_number(owner) != 0)
		return FRONT_PYTHON;
	fputs("{\n", to);
	print_text(to, record, "ociVersion");
	fprintf(to, "  \"id\": \"%s\",\n  \"pid\": %d,\n", words->id, status == FRONT_STOPPED ? 0 : record->pid);
	fprintf(to, "  \"status\": \"%s\",\n", statuses[status]);
	print_text(to, record, "bundle");
	print_text(to, record, "rootfs");
	print_text(to, record, "created");
	int r = print_annotations(to, record);
	fputs("  \"owner\": \"root\"\n}\n", to);
	return r;
}

int front_state(const struct front_words *words)
{
	struct front_record record;
	char *text = 0;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int r = to ? front_record_open(&record, words, 0) : FRONT_PYTHON;
	if (!to)
		return r;
	if (r == 0)
		r = print(to, &record, words);
	front_record_close(&record);
	/* Who reads no more is told of by the interpreter, as are all who can't be written to: it fails in the same way. */
	signal(SIGPIPE, SIG_IGN);
	if (fclose(to) || (r == 0 && write(STDOUT_FILENO, text, size) != (ssize_t)size))
		r = FRONT_PYTHON;
	free(text);
	return r;
}
