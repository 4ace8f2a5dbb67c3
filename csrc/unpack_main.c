/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin-unpack: writes a layer, whose blob is on standard input, below the directory at descriptor 3.
 *
 *	firkin-unpack overlay|remove gzip|zstd|none DIGEST-ALGORITHM MOST-ENTRIES MOST-BYTES
 *
 * One thread inflates the blob, one computes the digest of the archive, and the first one writes what is in it.
 *
 * On standard output come records that each end with a null byte: "implied", a tab and the path of a directory that
 * the layer does not have; at last "done ENTRIES BYTES IGNORED DIGEST", or "error ERRNO", the reason and the entry's
 * name with tabs between.
 */
#include "inflate.h"
#include "layer.h"

#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { ARCHIVE, DIGEST }; /* readers of the ring */

struct digest {
	struct ring *ring;
	EVP_MD_CTX *context;
	int error;
};

struct inflating {
	struct inflater inflater;
	inflate_function *inflate;
};

static void tell_implied(const char *path, void *data)
{
	(void)data;
	printf("implied\t%s%c", path, 0);
}

static void *inflate_all(void *data)
{
	struct inflating *inflating = data;
	ring_end(inflating->inflater.ring, inflating->inflate(&inflating->inflater));
	return 0;
}

static void *digest_all(void *data)
{
	struct digest *digest = data;
	const char *piece;
	int64_t n;
	while ((n = ring_next(digest->ring, DIGEST, &piece)) > 0)
		if (!EVP_DigestUpdate(digest->context, piece, (size_t)n))
			digest->error = -EIO;
	if (n < 0)
		digest->error = (int)n;
	return 0;
}

static int64_t next_of_archive(void *ring, const char **piece)
{
	return ring_next(ring, ARCHIVE, piece);
}

/* All signals are the first thread's. */
static int start(pthread_t *thread, void *(*function)(void *), void *data)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int r = -pthread_create(thread, 0, function, data);
	pthread_sigmask(SIG_SETMASK, &before, 0);
	return r;
}

static int open_digest(struct digest *digest, const char *algorithm)
{
	const EVP_MD *type = EVP_get_digestbyname(algorithm);
	if (!type)
		return -EINVAL;
	digest->context = EVP_MD_CTX_new();
	return digest->context && EVP_DigestInit_ex(digest->context, type, 0) ? 0 : -ENOMEM;
}

static int finish(struct layer_result *result, struct digest *digest)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	if (digest->error < 0 || !EVP_DigestFinal_ex(digest->context, bytes, &size))
		return digest->error ? digest->error : -EIO;
	printf("done %llu %llu %llu ", (unsigned long long)result->entries, (unsigned long long)result->bytes,
	       (unsigned long long)result->ignored);
	for (unsigned i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	putchar(0);
	return 0;
}

static int unpack(struct inflating *inflating, const char *algorithm, enum layer_whiteouts whiteouts,
		  const struct layer_limits *limits, struct layer_result *result)
{
	static struct ring ring;
	struct digest digest = { .ring = &ring };
	pthread_t inflater, digester;
	inflating->inflater.ring = &ring;
	int r = ring_open(&ring);
	if (r >= 0)
		r = open_digest(&digest, algorithm);
	if (r >= 0)
		r = start(&inflater, inflate_all, inflating);
	if (r >= 0)
		r = start(&digester, digest_all, &digest);
	if (r >= 0)
		r = layer_apply(next_of_archive, &ring, 3, whiteouts, limits, result);
	if (r < 0)
		return r;
	pthread_join(inflater, 0);
	pthread_join(digester, 0);
	return finish(result, &digest);
}

/* It has no business without who started it, who waits for what it says. */
static int is_orphan(void)
{
	struct pollfd output = { 1, 0, 0 };
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return poll(&output, 1, 0) > 0;
}

/* A descriptor is open for each directory on the way to an entry. */
static void allow_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	static struct layer_result result = { .on_implied = tell_implied };
	struct inflating inflating = { .inflater.fd = 0 };
	if (argc == 6 && (!strcmp(argv[1], "overlay") || !strcmp(argv[1], "remove")))
		inflating.inflate = inflate_by_name(argv[2]);
	if (!inflating.inflate) {
		fputs("usage: firkin-unpack overlay|remove gzip|zstd|none DIGEST-ALGORITHM MOST-ENTRIES MOST-BYTES "
		      "<BLOB 3<DIRECTORY\n", stderr);
		return 2;
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (is_orphan())
		return 1;
	allow_descriptors();
	struct layer_limits limits = { strtoull(argv[4], 0, 10), strtoull(argv[5], 0, 10) };
	enum layer_whiteouts whiteouts = strcmp(argv[1], "overlay") ? LAYER_REMOVE : LAYER_OVERLAY;
	int r = unpack(&inflating, argv[3], whiteouts, &limits, &result);
	if (r < 0) {
		/* An error without a reason is the inflater's, which is at its end then. */
		const char *problem = result.reason || r != -EBADMSG ? result.reason : inflating.inflater.problem;
		printf("error %d\t%s\t%s%c", -r, problem ? problem : "", result.name, 0);
	}
	/* Threads may still work on what is not worth it any more. */
	fflush(stdout);
	_exit(r < 0);
}
