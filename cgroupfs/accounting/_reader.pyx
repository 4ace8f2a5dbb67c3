# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The matrix of statistics, and passes that fill it; _reader.pyi documents it, twin.py says the same in Python."""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int16_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset, strerror
from posix.unistd cimport close

from ._parse cimport FLAT, File, LEARNT_KEY, MORE_KEYS, PRESSURE, Slot, UNKNOWN, UNLEARNT
from ._pass cimport Hand, Matrix, Row, UNKEPT, read_file, run_pass

cdef enum:
    FIRST_BUFFER = 1 << 16


@cython.final
cdef class Table:
    cdef Matrix _matrix
    # As many as there were ever threads.
    cdef Hand *_hands
    cdef int _hands_count
    cdef int _threads
    cdef bint _busy
    cdef object _layout
    cdef object _kept
    cdef readonly object values, clocks, states, errors

    def __cinit__(self, layout, int threads=1):
        self._layout = layout
        self._matrix.columns = len(layout.columns)
        self._matrix.files_count = len(layout.files)
        self._matrix.chosen = <uint8_t *>malloc(max(1, self._matrix.files_count))
        if self._matrix.chosen == NULL:
            raise MemoryError
        self.threads = threads
        self._make_results(0)

    @property
    def threads(self):
        return self._threads

    @threads.setter
    def threads(self, int threads):
        if threads < 1:
            raise ValueError("a pass needs a thread")
        self._begin("share passes")
        try:
            self._add_hands(threads)
            self._threads = threads
        finally:
            self._busy = False

    cdef int _add_hands(self, int count) except -1:
        if count <= self._hands_count:
            return 0
        cdef Hand *hands = <Hand *>realloc(self._hands, count * sizeof(Hand))
        if hands == NULL:
            raise MemoryError
        self._hands = hands
        while self._hands_count < count:
            memset(&hands[self._hands_count], 0, sizeof(Hand))
            self._hands_count += 1
            self._make_hand(&hands[self._hands_count - 1])
        return 0

    def __dealloc__(self):
        cdef int i, file
        for i in range(self._hands_count):
            if self._hands[i].files != NULL:
                for file in range(self._matrix.files_count):
                    _free_file(&self._hands[i].files[file])
            free(self._hands[i].files)
            free(self._hands[i].buffer)
        free(self._hands)
        free(self._matrix.chosen)
        self._free_rows()

    cdef void _free_rows(self) noexcept:
        cdef Py_ssize_t row
        for row in range(self._matrix.rows_count):
            free(self._matrix.rows[row].path)
        free(self._matrix.rows)
        free(self._matrix.fds)
        self._matrix.rows = NULL
        self._matrix.fds = NULL
        self._matrix.rows_count = 0

    cdef int _make_hand(self, Hand *made) except -1:
        cdef int number
        made.matrix = &self._matrix
        made.buffer_size = FIRST_BUFFER
        made.buffer = <char *>malloc(FIRST_BUFFER)
        made.files = <File *>calloc(max(1, self._matrix.files_count), sizeof(File))
        if made.buffer == NULL or made.files == NULL:
            raise MemoryError
        for number in range(self._matrix.files_count):
            _make_file(&made.files[number], self._layout.files[number], self._layout.first[number])
        return 0

    def place(self, rows):
        self._begin("place rows")
        try:
            self._free_rows()
            self._make_results(0)
            try:
                self._copy_rows(rows)
                self._make_results(len(rows))
            except BaseException:
                self._free_rows()
                raise
        finally:
            self._busy = False

    cdef int _begin(self, str what) except -1:
        if self._busy:
            raise RuntimeError(f"{what}: a pass is under way")
        self._busy = True
        return 0

    cdef int _copy_rows(self, object rows) except -1:
        cdef Py_ssize_t count = len(rows), files = self._matrix.files_count, i, j
        self._matrix.rows = <Row *>calloc(max(1, count), sizeof(Row))
        self._matrix.fds = <int *>malloc(max(1, count * files) * sizeof(int))
        if self._matrix.rows == NULL or self._matrix.fds == NULL:
            raise MemoryError
        for i in range(count):
            row = rows[i]
            fds = row.fds
            if len(fds) != files:
                raise ValueError("a row needs one descriptor for each file")
            self._matrix.rows_count = i + 1
            self._matrix.rows[i].path = _copy(row.path)
            self._matrix.rows[i].base = row.base
            self._matrix.rows[i].id = row.id
            self._matrix.rows[i].dir_fd = row.dir_fd
            for j in range(files):
                self._matrix.fds[i * files + j] = fds[j]
        return 0

    cdef int _make_results(self, Py_ssize_t count) except -1:
        values, clocks = bytearray(b"\xff") * (8 * count * self._matrix.columns), bytearray(8 * count)
        states, errors = bytearray(count), bytearray(2 * count * self._matrix.files_count)
        self._matrix.values = <uint64_t *>PyByteArray_AS_STRING(values)
        self._matrix.clocks = <int64_t *>PyByteArray_AS_STRING(clocks)
        self._matrix.states = <uint8_t *>PyByteArray_AS_STRING(states)
        self._matrix.errors = <int16_t *>PyByteArray_AS_STRING(errors)
        self._kept = values, clocks, states, errors
        # The views also keep the arrays from being resized.
        self.values = memoryview(values).cast("Q").toreadonly()
        self.clocks = memoryview(clocks).cast("q").toreadonly()
        self.states = memoryview(states).toreadonly()
        self.errors = memoryview(errors).cast("h").toreadonly()
        return 0

    def read(self, rows=None, files=None):
        self._begin("read cgroups")
        cdef Py_ssize_t alive
        try:
            self._choose(rows, files)
            with nogil:
                alive = run_pass(self._hands, self._threads)
            return alive
        finally:
            free(self._matrix.wanted)
            self._matrix.wanted = NULL
            self._busy = False

    cdef int _choose(self, object rows, object files) except -1:
        cdef Py_ssize_t place, number, last = -1
        memset(self._matrix.chosen, files is None, self._matrix.files_count)
        for file in files or ():
            if not 0 <= file < self._matrix.files_count:
                raise IndexError("no such file")
            self._matrix.chosen[file] = 1
        self._matrix.wanted_count = self._matrix.rows_count if rows is None else len(rows)
        if rows is None:
            return 0
        self._matrix.wanted = <Py_ssize_t *>malloc(max(1, self._matrix.wanted_count) * sizeof(Py_ssize_t))
        if self._matrix.wanted == NULL:
            raise MemoryError
        for place in range(self._matrix.wanted_count):
            number = rows[place]
            # No two threads read one row.
            if not last < number < self._matrix.rows_count:
                raise IndexError("no such row, or not in ascending order")
            self._matrix.wanted[place] = last = number
        return 0

    def text(self, Py_ssize_t row, int file):
        if not (0 <= row < self._matrix.rows_count and 0 <= file < self._matrix.files_count):
            raise IndexError("no such row or file")
        self._begin("read cgroups")
        cdef Py_ssize_t size
        cdef int dir_fd = UNKEPT
        with nogil:
            size = read_file(self._hands, row, file, &dir_fd)
            if dir_fd >= 0:
                close(dir_fd)
        self._busy = False
        if size < 0:
            raise OSError(-size, strerror(<int>-size).decode())
        return self._hands.buffer[:size]


cdef int _make_file(File *made, object file, int first) except -1:
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


cdef void _free_file(File *file) noexcept:
    free(file.name)
    free(file.keys)
    free(file.expected)


cdef char *_copy(bytes text) except NULL:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(text)
    cdef char *made = <char *>malloc(size + 1)
    if made == NULL:
        raise MemoryError
    memcpy(made, PyBytes_AS_STRING(text), size + 1)
    return made
