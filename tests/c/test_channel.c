/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int pair[2] = { -1, -1 };

static void open_pair(void)
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
}

static int same_file(int a, int b)
{
	struct stat x, y;
	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Sends `count` copies of one descriptor. */
static int send_copies(unsigned count)
{
	struct plan_record record = { .type = PLAN_SLOTS, .value = count };
	int fds[CHANNEL_MAX_FDS + 1];
	for (unsigned i = 0; i <= CHANNEL_MAX_FDS; i++)
		fds[i] = pair[0];
	return channel_send(pair[0], &record, fds, count);
}

static void a_record_arrives_as_it_was_sent(void)
{
	struct plan_record sent = { PLAN_FAILED, 7, 42, ENOENT, "the detail" }, got;
	open_pair();
	CHECK_EQUAL(channel_send(pair[0], &sent, NULL, 0), 0);
	CHECK_EQUAL(channel_receive(pair[1], &got, NULL, 0), 0);
	CHECK(!memcmp(&sent, &got, sizeof sent));
}

static void descriptors_arrive_close_on_exec(void)
{
	struct plan_record record = { .type = PLAN_SLOTS, .value = 2 };
	int fds[2], sent[2] = { open("/dev/null", O_RDWR), open("/", O_PATH) };
	open_pair();
	CHECK_EQUAL(channel_send(pair[0], &record, sent, 2), 0);
	CHECK_EQUAL(channel_receive(pair[1], &record, fds, 2), 2);
	for (int i = 0; i < 2; i++) {
		CHECK(same_file(fds[i], sent[i]));
		CHECK_EQUAL(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		close(fds[i]);
		close(sent[i]);
	}
}

static void as_many_descriptors_as_the_channel_carries(void)
{
	struct plan_record record;
	int fds[CHANNEL_MAX_FDS], before;
	open_pair();
	before = check_open_descriptors();
	CHECK_EQUAL(send_copies(CHANNEL_MAX_FDS), 0);
	CHECK_EQUAL(channel_receive(pair[1], &record, fds, CHANNEL_MAX_FDS), CHANNEL_MAX_FDS);
	CHECK_EQUAL(check_open_descriptors(), before + CHANNEL_MAX_FDS);
	for (int i = 0; i < CHANNEL_MAX_FDS; i++)
		close(fds[i]);
	CHECK_EQUAL(send_copies(CHANNEL_MAX_FDS + 1), -EINVAL);
}

static void descriptors_without_room_are_closed(void)
{
	struct plan_record record;
	int fds[2];
	open_pair();
	int before = check_open_descriptors();
	CHECK_EQUAL(send_copies(5), 0);
	CHECK_EQUAL(channel_receive(pair[1], &record, fds, 2), 2);
	CHECK_EQUAL(check_open_descriptors(), before + 2);
	close(fds[0]);
	close(fds[1]);
	CHECK_EQUAL(send_copies(5), 0);
	CHECK_EQUAL(channel_receive(pair[1], &record, NULL, 0), 0);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void bad_descriptors_are_not_sent(void)
{
	struct plan_record record = { .type = PLAN_SLOTS };
	open_pair();
	CHECK_EQUAL(channel_send(pair[0], &record, (int[]){ 1, -1 }, 2), -EBADF);
}

/* Sends `size` bytes and a descriptor without the channel's help. */
static void send_raw(size_t size)
{
	char data[2 * sizeof(struct plan_record)] = { 0 }, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { data, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof control };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &pair[0], sizeof(int));
	CHECK_EQUAL(sendmsg(pair[0], &message, 0), size);
}

static void a_record_of_another_size_is_refused(void)
{
	static const size_t sizes[] = { 1, sizeof(struct plan_record) - 1, sizeof(struct plan_record) + 1,
					2 * sizeof(struct plan_record) };
	open_pair();
	int before = check_open_descriptors();
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct plan_record record;
		int fd;
		send_raw(sizes[i]);
		CHECK_EQUAL(channel_receive(pair[1], &record, &fd, 1), -EBADMSG);
		CHECK_EQUAL(check_open_descriptors(), before);
	}
}

static void receive_with_no_descriptors_left(void)
{
	struct plan_record record;
	int fds[8];
	open_pair();
	int before = check_open_descriptors();
	CHECK_EQUAL(send_copies(8), 0);
	int highest = dup(pair[0]);
	close(highest);
	struct rlimit limit = { (rlim_t)highest + 2, (rlim_t)highest + 2 };
	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQUAL(channel_receive(pair[1], &record, fds, 8), -EBADMSG);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void a_truncated_list_of_descriptors_is_refused(void)
{
	check_in_child(receive_with_no_descriptors_left);
}

static void the_end_of_the_file_is_epipe(void)
{
	struct plan_record record;
	open_pair();
	CHECK(!shutdown(pair[0], SHUT_WR));
	CHECK_EQUAL(channel_receive(pair[1], &record, NULL, 0), -EPIPE);
}

static void sending_to_nobody_is_epipe_without_a_signal(void)
{
	struct plan_record record = { .type = PLAN_ARRIVED };
	open_pair();
	close(pair[1]);
	pair[1] = -1;
	CHECK_EQUAL(channel_send(pair[0], &record, NULL, 0), -EPIPE);
}

static void errors_of_the_socket_are_passed_on(void)
{
	struct plan_record record = { .type = PLAN_ARRIVED };
	int fd;
	CHECK_EQUAL(channel_send(-1, &record, NULL, 0), -EBADF);
	CHECK_EQUAL(channel_receive(-1, &record, &fd, 1), -EBADF);
}

static const struct check_test tests[] = {
	TEST(a_record_arrives_as_it_was_sent),
	TEST(descriptors_arrive_close_on_exec),
	TEST(as_many_descriptors_as_the_channel_carries),
	TEST(descriptors_without_room_are_closed),
	TEST(bad_descriptors_are_not_sent),
	TEST(a_record_of_another_size_is_refused),
	TEST(a_truncated_list_of_descriptors_is_refused),
	TEST(the_end_of_the_file_is_epipe),
	TEST(sending_to_nobody_is_epipe_without_a_signal),
	TEST(errors_of_the_socket_are_passed_on),
};
CHECK_MAIN(tests)
