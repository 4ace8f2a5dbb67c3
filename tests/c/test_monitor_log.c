/* SPDX-License-Identifier: Apache-2.0 */
#include "log_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void add(int is_part, const char *text)
{
	log_add(&check_log, is_part, text, strlen(text));
}

static void write_line(enum log_stream stream, const char *text)
{
	log_begin(&check_log, stream);
	add(0, text);
	log_write(&check_log);
}

static void records_name_their_stream_and_tag(void)
{
	open_log("log");
	log_begin(&check_log, LOG_STDOUT);
	add(0, "a line");
	add(1, "a part");
	log_write(&check_log);
	write_line(LOG_STDERR, "");
	CHECK_TEXT(records_of("log"), "stdout F a line\nstdout P a part\nstderr F \n");
}

static void more_records_than_one_write_takes(void)
{
	static char wanted[1 << 16], lines[LOG_RECORDS * 3][8];
	char *to = wanted;
	open_log("log");
	log_begin(&check_log, LOG_STDOUT);
	for (int i = 0; i < LOG_RECORDS * 3; i++) {
		snprintf(lines[i], sizeof lines[i], "%d", i);
		add(0, lines[i]);
		to += sprintf(to, "stdout F %d\n", i);
	}
	log_write(&check_log);
	CHECK_TEXT(records_of("log"), wanted);
}

static void a_log_is_appended_to(void)
{
	struct stat stat;
	open_log("log");
	write_line(LOG_STDOUT, "one");
	open_log("log");
	write_line(LOG_STDOUT, "two");
	CHECK_TEXT(records_of("log"), "stdout F one\nstdout F two\n");
	CHECK(!fstat(check_log.fd, &stat));
	CHECK_EQUAL(stat.st_mode, S_IFREG | 0640);
}

static void without_a_log_nothing_is_kept(void)
{
	open_log("log");
	close(check_log.fd);
	check_log.directory = check_log.fd = -1;
	write_line(LOG_STDOUT, "gone");
	CHECK_EQUAL(check_log.count, 0);
	CHECK_EQUAL(check_log.lost_records, 0);
	CHECK_EQUAL(log_open(&check_log), -ENOENT);
}

static void a_log_that_was_moved_is_made_anew(void)
{
	open_log("log");
	write_line(LOG_STDOUT, "one");
	int directory = check_directory_fd(), old = check_log.fd;
	CHECK(!renameat(directory, "log", directory, "log.1"));
	write_line(LOG_STDOUT, "two");
	CHECK_EQUAL(log_open(&check_log), 0);
	CHECK(fcntl(old, F_GETFD) < 0 || old == check_log.fd);
	write_line(LOG_STDOUT, "three");
	CHECK_TEXT(records_of("log.1"), "stdout F one\nstdout F two\n");
	CHECK_TEXT(records_of("log"), "stdout F three\n");
}

static void what_is_no_file_is_refused(void)
{
	int directory;
	open_log("log");
	directory = check_directory_fd();
	CHECK(!symlinkat("log", directory, "link") && !mkfifoat(directory, "fifo", 0600));
	CHECK(!mkdirat(directory, "directory", 0700));
	static const struct {
		const char *name;
		int error;
	} bad[] = { { "link", ELOOP }, { "fifo", ENXIO }, { "directory", EISDIR }, { "no/where", ENOENT } };
	int before = check_open_descriptors();
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		strcpy(check_log.name, bad[i].name);
		CHECK_EQUAL(log_open(&check_log), -bad[i].error);
	}
	CHECK_EQUAL(check_open_descriptors(), before);
	/* The one that was open still is. */
	write_line(LOG_STDOUT, "here");
	CHECK_TEXT(records_of("log"), "stdout F here\n");
}

static void a_device_is_refused(void)
{
	open_log("log");
	check_log.directory = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	strcpy(check_log.name, "null");
	CHECK_EQUAL(log_open(&check_log), -EINVAL);
}

/* From now on files of this process have at most `size` bytes. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;
	CHECK(!getrlimit(RLIMIT_FSIZE, &limit));
	limit.rlim_cur = size;
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	signal(SIGXFSZ, SIG_IGN);
}

static long log_size(void)
{
	struct stat stat;
	CHECK(!fstat(check_log.fd, &stat));
	return stat.st_size;
}

static const char digits[] = "0123456789";

/* The records that a full file does not take are told of as soon as it takes something. */
static void lose_records(void)
{
	open_log("log");
	write_line(LOG_STDOUT, "first");
	/* Room for one more, and a piece. */
	limit_files((rlim_t)log_size() + LOG_HEAD + 11 + 20);
	log_begin(&check_log, LOG_STDOUT);
	add(0, digits);
	add(0, digits);
	add(0, "abc");
	log_write(&check_log);
	CHECK_EQUAL(check_log.lost_records, 2);
	CHECK_EQUAL(check_log.lost_bytes, 13);
	CHECK_EQUAL(check_log.error, ENOSPC);
	CHECK_TEXT(records_of("log"), "stdout F first\nstdout F 0123456789\n");
	write_line(LOG_STDERR, digits);
	CHECK_EQUAL(check_log.lost_records, 3);
	CHECK(check_log.error);
	limit_files(RLIM_INFINITY);
	write_line(LOG_STDERR, "last");
	CHECK_EQUAL(check_log.lost_records, 3);
	CHECK_EQUAL(check_log.error, 0);
	CHECK_TEXT(records_of("log"), "stdout F first\nstdout F 0123456789\n"
				      "stderr F firkin: lost here: 3 records, 23 bytes: no space left on device\n"
				      "stderr F last\n");
}

static void lost_records_are_told_of(void)
{
	check_directory();
	check_in_child(lose_records);
}

static void lose_everything(void)
{
	open_log("log");
	limit_files(0);
	write_line(LOG_STDOUT, "a");
	CHECK_EQUAL(check_log.error, EFBIG);
	limit_files(RLIM_INFINITY);
	/* Even if nothing else comes. */
	log_write(&check_log);
	CHECK_TEXT(records_of("log"), "stderr F firkin: lost here: 1 records, 1 bytes: file too large\n");
}

static void the_last_loss_is_told_of(void)
{
	check_directory();
	check_in_child(lose_everything);
}

/* A line whose end is lost must not go on in another one. */
static void lose_the_end_of_a_line(void)
{
	open_log("log");
	log_begin(&check_log, LOG_STDOUT);
	add(1, "begin");
	log_write(&check_log);
	limit_files((rlim_t)log_size());
	log_begin(&check_log, LOG_STDOUT);
	add(1, "middle");
	add(0, "end");
	log_write(&check_log);
	limit_files(RLIM_INFINITY);
	write_line(LOG_STDOUT, "next");
	CHECK_TEXT(records_of("log"), "stdout P begin\nstdout F \n"
				      "stderr F firkin: lost here: 2 records, 9 bytes: file too large\n"
				      "stdout F next\n");
	/* That it was told is remembered. */
	write_line(LOG_STDOUT, "after");
	CHECK(strstr(records_of("log"), "next\nstdout F after\n"));
}

static void a_line_whose_end_is_lost_is_ended(void)
{
	check_directory();
	check_in_child(lose_the_end_of_a_line);
}

static void have_no_room_for_the_notice(void)
{
	open_log("log");
	write_line(LOG_STDOUT, "first");
	limit_files((rlim_t)log_size());
	write_line(LOG_STDOUT, "a");
	for (rlim_t room = 1; room < 200; room++) {
		limit_files((rlim_t)log_size() + room);
		log_write(&check_log);
		if (!check_log.error)
			break;
		CHECK_TEXT(records_of("log"), "stdout F first\n");
	}
	CHECK_EQUAL(check_log.error, 0);
	CHECK_TEXT(records_of("log"), "stdout F first\nstderr F firkin: lost here: 1 records, 1 bytes: no space left on device\n");
}

static void a_notice_is_written_whole_or_not_at_all(void)
{
	check_directory();
	check_in_child(have_no_room_for_the_notice);
}

/* What can't be taken back is at least a line of its own. */
static void keep_a_torn_record(void)
{
	open_log("log");
	limit_files(20);
	write_line(LOG_STDOUT, digits);
	limit_files(RLIM_INFINITY);
	CHECK_EQUAL(log_size(), 0);
	CHECK_EQUAL(write(check_log.fd, "2024", 4), 4);
	check_log.torn = 1;
	write_line(LOG_STDOUT, "next");
	char text[256] = "";
	int fd = openat(check_log.directory, "log", O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	CHECK(!strncmp(text, "2024\n2", 6));
	CHECK(strstr(text, "1 records, 10 bytes") && strstr(text, "stdout F next\n"));
	CHECK_EQUAL(check_log.torn, 0);
}

static void a_torn_record_is_ended(void)
{
	check_directory();
	check_in_child(keep_a_torn_record);
}

static const struct check_test tests[] = {
	TEST(records_name_their_stream_and_tag),
	TEST(more_records_than_one_write_takes),
	TEST(a_log_is_appended_to),
	TEST(without_a_log_nothing_is_kept),
	TEST(a_log_that_was_moved_is_made_anew),
	TEST(what_is_no_file_is_refused),
	TEST(a_device_is_refused),
	TEST(lost_records_are_told_of),
	TEST(the_last_loss_is_told_of),
	TEST(a_line_whose_end_is_lost_is_ended),
	TEST(a_notice_is_written_whole_or_not_at_all),
	TEST(a_torn_record_is_ended),
};

CHECK_MAIN(tests)
