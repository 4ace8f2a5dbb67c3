# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Takes the text of a statistics file apart: numbers into the columns of a row. twin.py says the same in Python."""

from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcmp, memcpy

cdef extern from *:
    """
    #define ABSENT UINT64_MAX
    #define UNLIMITED (UINT64_MAX - 1)
    #define LARGEST (UINT64_MAX - 2)
    /* Ten times that, and a digit, is no overflow. */
    #define SAFE UINT64_C(1000000000000000000)
    """
    const uint64_t ABSENT, UNLIMITED, LARGEST, SAFE  # as in values

cdef enum:
    SINGLE, FLAT, PAIR, PRESSURE, DEVICES  # as in layout.Kind

cdef enum:
    UNKNOWN = -1  # in place of a column: a key that has none
    UNLEARNT = -1  # in place of a slot's length
    LEARNT_KEY = 47  # the longest key that is remembered
    MORE_KEYS = 64  # how many unknown keys of a file are remembered


cdef struct Slot:
    int length
    int column
    char text[48]  # LEARNT_KEY + 1


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


cdef inline int _search(File *file, const char *key, Py_ssize_t length, Slot *slot) noexcept nogil:
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


cdef inline void _parse_single(File *file, const char *at, uint64_t *row) noexcept nogil:
    cdef uint64_t value
    cdef const char *after = _number(at, &value)
    if after != at and after[0] == c'\n':
        row[file.column] = value


cdef inline void _parse_pair(File *file, const char *at, uint64_t *row) noexcept nogil:
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


cdef inline void _parse_flat(File *file, const char *at, const char *end, uint64_t *row) noexcept nogil:
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


cdef inline const char *_parse_line(File *file, const char *at, const char *end, uint64_t *row, int base,
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


cdef inline void _parse_lines(File *file, const char *at, const char *end, uint64_t *row) noexcept nogil:
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


cdef inline void parse(File *file, const char *text, Py_ssize_t size, uint64_t *row) noexcept nogil:
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
