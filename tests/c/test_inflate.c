/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "inflate.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

#define ARCHIVE (RING_PIECES * RING_PIECE * 3 / 2) /* more than is in memory at a time */

struct bytes {
	char data[2 * ARCHIVE];
	size_t size;
};

static struct bytes archive, blob;

/* One packet is what one read gets: the blob is cut where the test wants it. */
struct sender {
	int fd;
	size_t packet;
};

struct reader {
	struct ring *ring;
	unsigned number;
	size_t size;
	int64_t end;
	int is_same;
};

static void make_archive(size_t size)
{
	unsigned random = 1;
	for (size_t i = 0; i < size; i++) {
		if (i % 64 == 0)
			random = random * 1103515245 + 12345;
		archive.data[i] = (char)(random >> (8 + i % 16));
	}
	archive.size = size;
	blob.size = 0;
}

static void add_bytes(const char *data, size_t size)
{
	memcpy(blob.data + blob.size, data, size);
	blob.size += size;
}

static void add_gzip(size_t from, size_t to)
{
	struct isal_zstream *stream = malloc(sizeof *stream);
	isal_deflate_stateless_init(stream);
	stream->gzip_flag = IGZIP_GZIP;
	stream->end_of_stream = 1;
	stream->next_in = (uint8_t *)archive.data + from;
	stream->avail_in = (uint32_t)(to - from);
	stream->next_out = (uint8_t *)blob.data + blob.size;
	stream->avail_out = (uint32_t)(sizeof blob.data - blob.size);
	CHECK_EQUAL(isal_deflate_stateless(stream), COMP_OK);
	blob.size += stream->total_out;
	free(stream);
}

static void add_zstd(size_t from, size_t to)
{
	size_t n = ZSTD_compress(blob.data + blob.size, sizeof blob.data - blob.size, archive.data + from, to - from, 1);
	CHECK(!ZSTD_isError(n));
	blob.size += n;
}

static void *send_all(void *data)
{
	struct sender *sender = data;
	for (size_t at = 0; at < blob.size; at += sender->packet) {
		size_t n = blob.size - at < sender->packet ? blob.size - at : sender->packet;
		if (send(sender->fd, blob.data + at, n, MSG_NOSIGNAL) < 0)
			break;
	}
	close(sender->fd);
	return 0;
}

static void *read_ring(void *data)
{
	struct reader *reader = data;
	const char *piece;
	reader->is_same = 1;
	while ((reader->end = ring_next(reader->ring, reader->number, &piece)) > 0) {
		size_t n = (size_t)reader->end;
		if (n > archive.size - reader->size || memcmp(piece, archive.data + reader->size, n))
			reader->is_same = 0;
		reader->size += n;
	}
	return 0;
}

/* What the inflater returns, which both readers got behind the data that is before it. */
static int inflate_blob(const char *name, size_t packet, const char **problem)
{
	struct ring ring;
	struct reader readers[RING_READERS];
	pthread_t threads[RING_READERS], sending;
	int pair[2];
	CHECK_EQUAL(ring_open(&ring), 0);
	CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	struct sender sender = { pair[0], packet };
	struct inflater inflater = { .fd = pair[1], .ring = &ring };
	pthread_create(&sending, 0, send_all, &sender);
	for (unsigned i = 0; i < RING_READERS; i++) {
		readers[i] = (struct reader){ .ring = &ring, .number = i };
		pthread_create(&threads[i], 0, read_ring, &readers[i]);
	}
	int r = inflate_by_name(name)(&inflater);
	ring_end(&ring, r);
	close(pair[1]);
	pthread_join(sending, 0);
	for (unsigned i = 0; i < RING_READERS; i++)
		pthread_join(threads[i], 0);
	ring_close(&ring);
	for (unsigned i = 0; i < RING_READERS; i++) {
		CHECK(readers[i].is_same);
		CHECK_EQUAL(readers[i].end, r);
		if (!r)
			CHECK_EQUAL(readers[i].size, archive.size);
	}
	*problem = inflater.problem;
	return r;
}

static void check_whole(const char *name, size_t packet)
{
	const char *problem;
	CHECK_EQUAL(inflate_blob(name, packet, &problem), 0);
	CHECK(!problem);
}

static void check_wrong(const char *name, size_t packet, const char *expected)
{
	const char *problem;
	CHECK_EQUAL(inflate_blob(name, packet, &problem), -EBADMSG);
	CHECK_TEXT(problem, expected);
}

static void more_than_the_ring_holds(void)
{
	make_archive(ARCHIVE);
	add_bytes(archive.data, archive.size);
	check_whole("none", 65536);
	blob.size = 0;
	add_gzip(0, archive.size);
	check_whole("gzip", 65536);
	blob.size = 0;
	add_zstd(0, archive.size);
	check_whole("zstd", 65536);
}

static void a_blob_of_nothing_is_an_archive_of_nothing(void)
{
	make_archive(0);
	check_whole("none", 1);
	check_whole("gzip", 1);
	check_whole("zstd", 1);
}

static void members_of_gzip_may_be_cut_anywhere(void)
{
	make_archive(3000);
	for (size_t packet = 1; packet < 40; packet++) {
		blob.size = 0;
		add_gzip(0, 1);
		add_gzip(1, 1000);
		add_gzip(1000, 1000);
		add_bytes("\0\0\0\0", 4);
		add_gzip(1000, 3000);
		add_bytes("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
		check_whole("gzip", packet);
	}
}

static void frames_of_zstd_may_be_cut_anywhere(void)
{
	make_archive(3000);
	for (size_t packet = 1; packet < 40; packet++) {
		blob.size = 0;
		add_zstd(0, 1000);
		/* To be skipped: magic number, length, that many bytes. */
		add_bytes("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
		add_zstd(1000, 3000);
		check_whole("zstd", packet);
	}
}

static void what_is_cut_off_is_told(void)
{
	make_archive(3000);
	add_gzip(0, 3000);
	while (blob.size > 1) {
		blob.size -= blob.size > 30 ? 29 : 1;
		check_wrong("gzip", 1000, "its gzip data is cut off");
	}
	blob.size = 0;
	add_zstd(0, 3000);
	blob.size--;
	check_wrong("zstd", 1000, "its zstd data is cut off");
	blob.size = 5;
	check_wrong("zstd", 1, "its zstd data is cut off");
}

static void damage_is_told(void)
{
	static const char *const gzip = "is no gzip data, or it is damaged", *const zstd = "is no zstd data, or it is damaged";
	make_archive(3000);
	add_bytes("this is none of both, and goes on for a while", 45);
	check_wrong("gzip", 1000, gzip);
	check_wrong("zstd", 1000, zstd);
	blob.size = 0;
	add_gzip(0, 3000);
	blob.data[blob.size - 6] ^= 1; /* of the checksum */
	check_wrong("gzip", 1000, gzip);
	blob.data[blob.size - 6] ^= 1;
	add_bytes("and more than a header", 22);
	check_wrong("gzip", 1000, gzip);
	blob.size = 0;
	add_zstd(0, 3000);
	add_bytes("and more", 8);
	check_wrong("zstd", 1000, zstd);
}

static void a_window_of_zstd_is_bounded(void)
{
	make_archive(0);
	/* A frame of nothing that asks for a window of 128 MiB, and of 256. */
	add_bytes("\x28\xb5\x2f\xfd\x00\x88\x01\0\0", 9);
	check_whole("zstd", 1000);
	blob.data[5] = (char)0x90;
	check_wrong("zstd", 1000, "is no zstd data, or it is damaged");
}

static void other_names_are_of_no_compression(void)
{
	CHECK(!inflate_by_name("bzip2"));
	CHECK(!inflate_by_name(""));
}

static const struct check_test tests[] = {
	TEST(more_than_the_ring_holds),
	TEST(a_blob_of_nothing_is_an_archive_of_nothing),
	TEST(members_of_gzip_may_be_cut_anywhere),
	TEST(frames_of_zstd_may_be_cut_anywhere),
	TEST(what_is_cut_off_is_told),
	TEST(damage_is_told),
	TEST(a_window_of_zstd_is_bounded),
	TEST(other_names_are_of_no_compression),
};

CHECK_MAIN(tests)
