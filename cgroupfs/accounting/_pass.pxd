# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""One pass over rows of cgroups, by one thread or several: system calls and numbers, nothing of Python."""

from libc.errno cimport EFBIG, ENODEV, ENOENT, ENOMEM, ESTALE, errno
from libc.stdint cimport int16_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport realloc
from posix.signal cimport sigset_t, sigfillset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close, pread

from ._parse cimport ABSENT, File, parse

cdef extern from "<fcntl.h>" nogil:
    int openat(int fd, const char *path, int flags, ...)
    int O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY

cdef extern from "<dirent.h>" nogil:
    Py_ssize_t getdents64(int fd, void *buffer, size_t size)

cdef extern from "<sys/stat.h>" nogil:
    cdef struct stat_t "stat":
        uint64_t st_ino
    int fstat(int fd, stat_t *status)

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_t:
        pass
    int pthread_create(pthread_t *thread, const void *attributes, void *(*start)(void *) noexcept nogil, void *argument)
    int pthread_join(pthread_t thread, void **result)
    int pthread_sigmask(int how, const sigset_t *new, sigset_t *old)
    int SIG_SETMASK

cdef extern from *:
    # The compiler's own, as C11 has it.
    Py_ssize_t __atomic_fetch_add(Py_ssize_t *place, Py_ssize_t value, int order) nogil
    int __ATOMIC_RELAXED

cdef enum:
    READ, GONE  # as in values

cdef enum:
    UNKEPT = -1
    MISSING = -2
    LAST_BUFFER = 1 << 24
    BLOCK = 4  # how many rows a thread takes at once


cdef struct Row:
    int base
    char *path
    uint64_t id
    int dir_fd


cdef struct Matrix:
    int files_count
    int columns
    Py_ssize_t rows_count
    Row *rows
    int *fds
    uint64_t *values
    int64_t *clocks
    uint8_t *states
    int16_t *errors
    # Of a pass: which files it reads, how many rows, their numbers (NULL: all), and how many are taken by a thread.
    uint8_t *chosen
    Py_ssize_t wanted_count
    Py_ssize_t *wanted
    Py_ssize_t taken


cdef struct Hand:
    # What a thread has for itself; its files remember the texts that it saw.
    Matrix *matrix
    File *files
    char *buffer
    Py_ssize_t buffer_size
    pthread_t thread
    Py_ssize_t alive


cdef inline void _blank(Matrix *matrix, Py_ssize_t row) noexcept nogil:
    cdef uint64_t *values = matrix.values + row * matrix.columns
    cdef int i
    for i in range(matrix.columns):
        values[i] = ABSENT


cdef inline int _directory(Matrix *matrix, Py_ssize_t row, int *dir_fd) noexcept nogil:
    # The group's directory, or a negative errno: what is kept, or `dir_fd`, opened when it is first needed.
    cdef Row *group = &matrix.rows[row]
    cdef stat_t status
    if group.dir_fd >= 0:
        return group.dir_fd
    if dir_fd[0] < 0:
        dir_fd[0] = openat(group.base, group.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if dir_fd[0] < 0:
            return -errno
        # Another group of the same name is not this one.
        if fstat(dir_fd[0], &status) != 0 or status.st_ino != group.id:
            close(dir_fd[0])
            dir_fd[0] = UNKEPT
            return -ESTALE
    return dir_fd[0]


cdef inline bint _is_alive(Hand *hand, Py_ssize_t row, int *dir_fd) noexcept nogil:
    # A removed directory can be listed no more (ENOENT), wherever the listing stands.
    cdef int fd = _directory(hand.matrix, row, dir_fd)
    if fd < 0:
        return fd != -ENOENT and fd != -ENODEV and fd != -ESTALE
    return getdents64(fd, hand.buffer, hand.buffer_size) >= 0 or errno != ENOENT


cdef inline Py_ssize_t _slurp(Hand *hand, int fd) noexcept nogil:
    # The kernel gives a statistics file in one piece if the buffer holds it.
    cdef Py_ssize_t size
    cdef char *larger
    while True:
        size = pread(fd, hand.buffer, hand.buffer_size, 0)
        if size < 0:
            return -errno
        if size < hand.buffer_size:
            return size
        if hand.buffer_size >= LAST_BUFFER:
            return -EFBIG
        larger = <char *>realloc(hand.buffer, 2 * hand.buffer_size)
        if larger == NULL:
            return -ENOMEM
        hand.buffer = larger
        hand.buffer_size *= 2


cdef inline Py_ssize_t read_file(Hand *hand, Py_ssize_t row, int file, int *dir_fd) noexcept nogil:
    # Reads the file into the hand's buffer; returns its size, or a negative errno.
    cdef int fd = hand.matrix.fds[row * hand.matrix.files_count + file], directory
    cdef Py_ssize_t size
    if fd >= 0:
        return _slurp(hand, fd)
    if fd == MISSING:
        return -ENOENT
    directory = _directory(hand.matrix, row, dir_fd)
    if directory < 0:
        return directory
    fd = openat(directory, hand.files[file].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    if fd < 0:
        return -errno
    size = _slurp(hand, fd)
    close(fd)
    return size


cdef inline void _read_row(Hand *hand, Py_ssize_t row) noexcept nogil:
    cdef Matrix *matrix = hand.matrix
    cdef uint64_t *values = matrix.values + row * matrix.columns
    cdef int16_t *errors = matrix.errors + row * matrix.files_count
    cdef timespec now
    cdef int file, dir_fd = UNKEPT
    cdef Py_ssize_t size, read = 0
    cdef bint doubtful = False
    clock_gettime(CLOCK_MONOTONIC, &now)
    matrix.clocks[row] = <int64_t>now.tv_sec * 1000000000 + now.tv_nsec
    _blank(matrix, row)
    for file in range(matrix.files_count):
        errors[file] = 0
        if not matrix.chosen[file]:
            continue
        size = read_file(hand, row, file, &dir_fd)
        if size >= 0:
            read += 1
            parse(&hand.files[file], hand.buffer, size, values)
        else:
            errors[file] = <int16_t>-size
            if matrix.fds[row * matrix.files_count + file] != MISSING:
                doubtful = doubtful or size == -ENODEV or size == -ENOENT or size == -ESTALE
    # A file also goes when a controller is taken from a group that lives on.
    if (doubtful or read == 0) and not _is_alive(hand, row, &dir_fd):
        matrix.states[row] = GONE
        _blank(matrix, row)
    if dir_fd >= 0:
        close(dir_fd)


cdef inline void *_take(void *given) noexcept nogil:
    # Reads blocks of rows until all are taken.
    cdef Hand *hand = <Hand *>given
    cdef Matrix *matrix = hand.matrix
    cdef Py_ssize_t first, place, row
    hand.alive = 0
    while True:
        first = __atomic_fetch_add(&matrix.taken, BLOCK, __ATOMIC_RELAXED)
        if first >= matrix.wanted_count:
            return NULL
        for place in range(first, min(first + BLOCK, matrix.wanted_count)):
            row = place if matrix.wanted == NULL else matrix.wanted[place]
            if matrix.states[row] == READ:
                _read_row(hand, row)
                hand.alive += matrix.states[row] == READ


cdef inline Py_ssize_t run_pass(Hand *hands, int hands_count) noexcept nogil:
    # The first hand is the caller's thread, the others get one each for this pass; returns how many rows are alive.
    cdef sigset_t everything, before
    cdef Py_ssize_t alive
    cdef int started = 1, i
    hands[0].matrix.taken = 0
    if hands_count > 1:
        # Signals are for the threads of the interpreter.
        sigfillset(&everything)
        pthread_sigmask(SIG_SETMASK, &everything, &before)
        while started < hands_count and started * BLOCK < hands[0].matrix.wanted_count:
            # Where no thread can be had, the others do its part.
            if pthread_create(&hands[started].thread, NULL, _take, &hands[started]) != 0:
                break
            started += 1
        pthread_sigmask(SIG_SETMASK, &before, NULL)
    _take(&hands[0])
    alive = hands[0].alive
    for i in range(1, started):
        pthread_join(hands[i].thread, NULL)
        alive += hands[i].alive
    return alive
