# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The pass over the statistics files; _reader.pyi documents it, twin.py says the same in Python."""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport EFBIG, ENODEV, ENOENT, ENOMEM, ESTALE, errno
from libc.stdint cimport int16_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, strerror
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close, pread

cdef extern from "<fcntl.h>" nogil:
    int openat(int fd, const char *path, int flags, ...)
    int O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY

cdef extern from "<dirent.h>" nogil:
    Py_ssize_t getdents64(int fd, void *buffer, size_t size)

cdef extern from "<sys/stat.h>" nogil:
    cdef struct stat_t "stat":
        uint64_t st_ino
    int fstat(int fd, stat_t *status)

cdef enum:
    SINGLE, FLAT, PAIR, PRESSURE, DEVICES  # as in layout.Kind

cdef enum:
    READ, GONE  # as in values

cdef enum:
    UNKEPT = -1
    MISSING = -2
    UNKNOWN = -1  # in place of a column: a key that has none
    UNLEARNT = -1  # in place of a slot's length
    LEARNT_KEY = 47  # the longest key that is remembered
    MORE_KEYS = 64  # how many unknown keys of a file are remembered
    FIRST_BUFFER = 1 << 16
    LAST_BUFFER = 1 << 24

cdef uint64_t ABSENT = <uint64_t>-1
cdef uint64_t UNLIMITED = <uint64_t>-2
cdef uint64_t LARGEST = <uint64_t>-3
cdef uint64_t SAFE = 10 ** 18  # ten times that, and a digit, is no overflow


cdef struct Slot:
    int length
    int column
    char text[LEARNT_KEY + 1]


cdef struct File:
    char *name
    int kind
    int column
    int columns
    int keys_count
    Slot *keys
    # What the keys were last time, by their place in the text: it hardly ever changes.
    int places
    Slot *expected
    # Of a pressure file: the columns of its two lines, or UNKNOWN.
    int some
    int full


cdef struct Row:
    int base
    char *path
    uint64_t id
    int dir_fd


cdef inline const char *_number(const char *at, uint64_t *value) noexcept nogil:
    # Reads digits, or "max"; returns what follows them. No number: `at` itself.
    cdef const char *start = at
    cdef uint64_t result = 0
    cdef unsigned int digit
    while True:
        digit = <unsigned char>at[0] - <unsigned int>48
        if digit > 9:
            break
        if result < SAFE or result <= (LARGEST - digit) // 10:
            result = result * 10 + digit
        else:
            result = LARGEST
        at += 1
    if at == start and at[0] == c'm' and at[1] == c'a' and at[2] == c'x':
        value[0] = UNLIMITED
        return at + 3
    value[0] = result
    return at


cdef inline const char *_hundredths(const char *at, uint64_t *value) noexcept nogil:
    # Reads "12.34" as 1234; returns what follows it. No such number: `at` itself.
    cdef const char *dot
    cdef uint64_t whole
    cdef unsigned int tens, ones
    if at[0] == c'm':
        return at
    dot = _number(at, &whole)
    if dot == at or dot[0] != c'.':
        return at
    tens = <unsigned char>dot[1] - <unsigned int>48
    if tens > 9:
        return at
    ones = <unsigned char>dot[2] - <unsigned int>48
    if ones > 9:
        return at
    ones += tens * 10
    value[0] = LARGEST if whole > (LARGEST - ones) // 100 else whole * 100 + ones
    return dot + 3


cdef int _search(File *file, const char *key, Py_ssize_t length, Slot *slot) noexcept nogil:
    # The column of a key that is not where it is expected; the place remembers it.
    cdef int i, column = UNKNOWN
    for i in range(file.keys_count):
        if file.keys[i].length == length and memcmp(file.keys[i].text, key, length) == 0:
            column = file.keys[i].column
            break
    if slot != NULL and length <= LEARNT_KEY:
        memcpy(slot.text, key, length)
        slot.length = <int>length
        slot.column = column
    return column


cdef inline bint _is_expected(Slot *slot, const char *at, const char *end, char separator) noexcept nogil:
    # The separator is in no key, so that finding it behind the right bytes is enough.
    return (slot != NULL and slot.length != UNLEARNT and end - at > slot.length
            and at[slot.length] == separator and memcmp(slot.text, at, slot.length) == 0)


cdef inline Slot *_place(File *file, int place) noexcept nogil:
    return &file.expected[place] if place < file.places else NULL


cdef void _parse_single(File *file, const char *at, uint64_t *row) noexcept nogil:
    cdef uint64_t value
    cdef const char *after = _number(at, &value)
    if after != at and after[0] == c'\n':
        row[file.column] = value


cdef void _parse_pair(File *file, const char *at, uint64_t *row) noexcept nogil:
    cdef uint64_t value
    cdef const char *after = _number(at, &value)
    if after != at and after[0] == c' ':
        row[file.column] = value
    while at[0] != c' ':
        if at[0] == c'\n':
            return
        at += 1
    at += 1
    after = _number(at, &value)
    if after != at and after[0] == c'\n':
        row[file.column + 1] = value


cdef void _parse_flat(File *file, const char *at, const char *end, uint64_t *row) noexcept nogil:
    cdef int column, place = -1
    cdef uint64_t value
    cdef const char *after
    cdef Slot *slot
    while at < end:
        place += 1
        slot = _place(file, place)
        if _is_expected(slot, at, end, c' '):
            column = slot.column
            at += slot.length + 1
        else:
            after = at
            while after[0] != c' ' and after[0] != c'\n':
                after += 1
            if after[0] == c'\n':
                at = after + 1
                continue
            column = _search(file, at, after - at, slot)
            at = after + 1
        after = _number(at, &value)
        if after[0] != c'\n':
            at = <const char *>memchr(after, c'\n', end - after) + 1
            continue
        if after != at and column != UNKNOWN:
            row[column] = value
        at = after + 1


cdef const char *_parse_line(File *file, const char *at, const char *end, uint64_t *row, int base,
                             bint summed) noexcept nogil:
    # The "key=value" words of a line, whose columns are counted from `base`; returns the next line.
    cdef int column, place = 0
    cdef uint64_t value
    cdef const char *after
    cdef Slot *slot
    while at[0] != c'\n':
        at += 1  # the space before the word
        slot = _place(file, place)
        place += 1
        if _is_expected(slot, at, end, c'='):
            column = slot.column
            at += slot.length + 1
        else:
            after = at
            while after[0] != c'=' and after[0] != c' ' and after[0] != c'\n':
                after += 1
            if after[0] != c'=':
                at = after
                continue
            column = _search(file, at, after - at, slot)
            at = after + 1
        after = _number(at, &value) if summed or column == 3 else _hundredths(at, &value)
        if after == at or (after[0] != c' ' and after[0] != c'\n'):
            while after[0] != c' ' and after[0] != c'\n':
                after += 1
        elif column != UNKNOWN and base != UNKNOWN:
            if not summed:
                row[base + column] = value
            elif value <= LARGEST:
                row[base + column] = LARGEST if value > LARGEST - row[base + column] else row[base + column] + value
        at = after
    return at + 1


cdef void _parse_lines(File *file, const char *at, const char *end, uint64_t *row) noexcept nogil:
    cdef const char *name
    cdef int i, base = file.column
    if file.kind == DEVICES:
        for i in range(file.columns):
            row[base + i] = 0
    while at < end:
        name = at
        while at[0] != c' ' and at[0] != c'\n':
            at += 1
        if file.kind == PRESSURE:
            base = UNKNOWN
            if at - name == 4:
                base = file.some if memcmp(name, b"some", 4) == 0 else base
                base = file.full if memcmp(name, b"full", 4) == 0 else base
        at = _parse_line(file, at, end, row, base, file.kind == DEVICES)


cdef void _parse(File *file, const char *text, Py_ssize_t size, uint64_t *row) noexcept nogil:
    # A line that does not end may be cut off in the midst of a number: it does not count.
    while size > 0 and text[size - 1] != c'\n':
        size -= 1
    if file.kind == DEVICES or (size > 0 and file.kind == PRESSURE):
        _parse_lines(file, text, text + size, row)
    elif size == 0:
        return
    elif file.kind == FLAT:
        _parse_flat(file, text, text + size, row)
    elif file.kind == SINGLE:
        _parse_single(file, text, row)
    else:
        _parse_pair(file, text, row)


@cython.final
cdef class Table:
    cdef File *_files
    cdef int _files_count
    cdef int _columns
    cdef Row *_rows
    cdef Py_ssize_t _rows_count
    cdef int *_fds
    cdef char *_buffer
    cdef Py_ssize_t _buffer_size
    cdef uint64_t *_values
    cdef int64_t *_clocks
    cdef uint8_t *_states
    cdef int16_t *_errors
    cdef bint _busy
    cdef object _kept
    cdef readonly object values, clocks, states, errors

    def __cinit__(self, layout):
        self._buffer_size = FIRST_BUFFER
        self._buffer = <char *>malloc(FIRST_BUFFER)
        self._columns = len(layout.columns)
        self._files = <File *>calloc(max(1, len(layout.files)), sizeof(File))
        if self._buffer == NULL or self._files == NULL:
            raise MemoryError
        for file, first in zip(layout.files, layout.first):
            self._files_count += 1
            self._add_file(&self._files[self._files_count - 1], file, first)
        self._make_results(0)

    def __dealloc__(self):
        cdef int i
        for i in range(self._files_count):
            free(self._files[i].name)
            free(self._files[i].keys)
            free(self._files[i].expected)
        free(self._files)
        free(self._buffer)
        self._free_rows()

    cdef void _free_rows(self) noexcept:
        cdef Py_ssize_t row
        for row in range(self._rows_count):
            free(self._rows[row].path)
        free(self._rows)
        free(self._fds)
        self._rows = NULL
        self._fds = NULL
        self._rows_count = 0

    cdef int _add_file(self, File *made, object file, int first) except -1:
        keys = [key.encode() for key in file.keys]
        made.name = _copy(file.name.encode())
        made.kind = file.kind
        made.column = first
        made.columns = len(keys)
        if made.kind == PRESSURE:
            made.some = first + keys.index(b"some avg10") if b"some avg10" in keys else UNKNOWN
            made.full = first + keys.index(b"full avg10") if b"full avg10" in keys else UNKNOWN
            keys = [b"avg10", b"avg60", b"avg300", b"total"]
        made.keys = <Slot *>calloc(len(keys), sizeof(Slot))
        made.expected = <Slot *>calloc(len(keys) + MORE_KEYS, sizeof(Slot))
        if made.keys == NULL or made.expected == NULL:
            raise MemoryError
        made.keys_count = len(keys)
        made.places = len(keys) + MORE_KEYS
        cdef int i
        for i in range(made.places):
            made.expected[i].length = UNLEARNT
        for i, key in enumerate(keys):
            if len(key) > LEARNT_KEY:
                raise ValueError(f"key {key!r} is too long")
            memcpy(made.keys[i].text, PyBytes_AS_STRING(key), len(key))
            made.keys[i].length = len(key)
            # Lines of words count their columns from a base, which differs by line.
            made.keys[i].column = first + i if made.kind == FLAT else i
            made.expected[i] = made.keys[i]
        return 0

    def place(self, rows):
        if self._busy:
            raise RuntimeError("place rows: a pass is under way")
        self._free_rows()
        self._make_results(0)
        try:
            self._copy_rows(rows)
            self._make_results(len(rows))
        except BaseException:
            self._free_rows()
            raise

    cdef int _copy_rows(self, object rows) except -1:
        cdef Py_ssize_t count = len(rows), files = self._files_count, i, j
        self._rows = <Row *>calloc(max(1, count), sizeof(Row))
        self._fds = <int *>malloc(max(1, count * files) * sizeof(int))
        if self._rows == NULL or self._fds == NULL:
            raise MemoryError
        for i in range(count):
            row = rows[i]
            fds = row.fds
            if len(fds) != files:
                raise ValueError("a row needs one descriptor for each file")
            self._rows_count = i + 1
            self._rows[i].path = _copy(row.path)
            self._rows[i].base = row.base
            self._rows[i].id = row.id
            self._rows[i].dir_fd = row.dir_fd
            for j in range(files):
                self._fds[i * files + j] = fds[j]
        return 0

    cdef int _make_results(self, Py_ssize_t count) except -1:
        values, clocks = bytearray(b"\xff") * (8 * count * self._columns), bytearray(8 * count)
        states, errors = bytearray(count), bytearray(2 * count * self._files_count)
        self._values = <uint64_t *>PyByteArray_AS_STRING(values)
        self._clocks = <int64_t *>PyByteArray_AS_STRING(clocks)
        self._states = <uint8_t *>PyByteArray_AS_STRING(states)
        self._errors = <int16_t *>PyByteArray_AS_STRING(errors)
        self._kept = values, clocks, states, errors
        # The views also keep the arrays from being resized.
        self.values = memoryview(values).cast("Q").toreadonly()
        self.clocks = memoryview(clocks).cast("q").toreadonly()
        self.states = memoryview(states).toreadonly()
        self.errors = memoryview(errors).cast("h").toreadonly()
        return 0

    def read(self):
        if self._busy:
            raise RuntimeError("read cgroups: a pass is under way")
        cdef Py_ssize_t row, alive = 0
        self._busy = True
        with nogil:
            for row in range(self._rows_count):
                if self._states[row] == READ:
                    self._read_row(row)
                    alive += self._states[row] == READ
        self._busy = False
        return alive

    def text(self, Py_ssize_t row, int file):
        if not (0 <= row < self._rows_count and 0 <= file < self._files_count):
            raise IndexError("no such row or file")
        if self._busy:
            raise RuntimeError("read cgroups: a pass is under way")
        cdef Py_ssize_t size
        cdef int dir_fd = UNKEPT
        self._busy = True
        with nogil:
            size = self._read_file(row, file, &dir_fd)
            if dir_fd >= 0:
                close(dir_fd)
        self._busy = False
        if size < 0:
            raise OSError(-size, strerror(<int>-size).decode())
        return self._buffer[:size]

    cdef void _blank(self, Py_ssize_t row) noexcept nogil:
        cdef uint64_t *values = self._values + row * self._columns
        cdef int i
        for i in range(self._columns):
            values[i] = ABSENT

    cdef void _read_row(self, Py_ssize_t row) noexcept nogil:
        cdef timespec now
        cdef int file, dir_fd = UNKEPT
        cdef Py_ssize_t size, read = 0
        cdef bint doubtful = False
        clock_gettime(CLOCK_MONOTONIC, &now)
        self._clocks[row] = <int64_t>now.tv_sec * 1000000000 + now.tv_nsec
        self._blank(row)
        for file in range(self._files_count):
            size = self._read_file(row, file, &dir_fd)
            self._errors[row * self._files_count + file] = 0 if size >= 0 else <int16_t>-size
            if size >= 0:
                read += 1
                _parse(&self._files[file], self._buffer, size, self._values + row * self._columns)
            elif self._fds[row * self._files_count + file] != MISSING:
                doubtful = doubtful or size == -ENODEV or size == -ENOENT or size == -ESTALE
        # A file also goes when a controller is taken from a group that lives on.
        if (doubtful or read == 0) and not self._is_alive(row, &dir_fd):
            self._states[row] = GONE
            self._blank(row)
        if dir_fd >= 0:
            close(dir_fd)

    cdef int _directory(self, Py_ssize_t row, int *dir_fd) noexcept nogil:
        # The group's directory, or a negative errno: what is kept, or `dir_fd`, opened when it is first needed.
        cdef Row *group = &self._rows[row]
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

    cdef bint _is_alive(self, Py_ssize_t row, int *dir_fd) noexcept nogil:
        # A removed directory can be listed no more (ENOENT), wherever the listing stands.
        cdef int fd = self._directory(row, dir_fd)
        if fd < 0:
            return fd != -ENOENT and fd != -ENODEV and fd != -ESTALE
        return getdents64(fd, self._buffer, self._buffer_size) >= 0 or errno != ENOENT

    cdef Py_ssize_t _read_file(self, Py_ssize_t row, int file, int *dir_fd) noexcept nogil:
        # Reads the file into the buffer; returns its size, or a negative errno.
        cdef int fd = self._fds[row * self._files_count + file], directory
        cdef Py_ssize_t size
        if fd >= 0:
            return self._slurp(fd)
        if fd == MISSING:
            return -ENOENT
        directory = self._directory(row, dir_fd)
        if directory < 0:
            return directory
        fd = openat(directory, self._files[file].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if fd < 0:
            return -errno
        size = self._slurp(fd)
        close(fd)
        return size

    cdef Py_ssize_t _slurp(self, int fd) noexcept nogil:
        # The kernel gives a statistics file in one piece if the buffer holds it.
        cdef Py_ssize_t size
        cdef char *larger
        while True:
            size = pread(fd, self._buffer, self._buffer_size, 0)
            if size < 0:
                return -errno
            if size < self._buffer_size:
                return size
            if self._buffer_size >= LAST_BUFFER:
                return -EFBIG
            larger = <char *>realloc(self._buffer, 2 * self._buffer_size)
            if larger == NULL:
                return -ENOMEM
            self._buffer = larger
            self._buffer_size *= 2


cdef char *_copy(bytes text) except NULL:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(text)
    cdef char *made = <char *>malloc(size + 1)
    if made == NULL:
        raise MemoryError
    memcpy(made, PyBytes_AS_STRING(text), size + 1)
    return made
