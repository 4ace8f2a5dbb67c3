"""Operations and constants of the plan. Generated from csrc/plan.h by csrc/plan_opcodes.py."""

from __future__ import annotations

MAGIC = 0x4e50464b
VERSION = 1
MAX_SLOTS = 1024
MAX_OPS = 16384
ARGS = 6
NO_SLOT = 0xffffffff
HOLE_PID = 0x01
HOLE_START_TIME = 0x02
TREE_RECURSIVE = 1
TREE_NO_FOLLOW = 2
ATTACH_ON_PROC = 1
ATTACH_PROC_ONLY = 2
ATTACH_NO_FOLLOW = 4
ATTACH_ON_LINK = 8
TERMINAL_BIND = 1
TERMINAL_PLAIN = 2
DETAIL = 232
POINT_MAPS = 1
POINT_HOOKS = 2
POINT_READY = 3
POINT_LIMITS = 4
POINT_DEVICES = 6
POINT_FILTER = 5

# Operations.
OPEN = 1
OPEN_TREE = 2
OPEN_DEVICE_TREE = 3
OPEN_NAMESPACE = 4
OPEN_PROCESS = 5
OPEN_OUTPUT = 6
CLOSE = 7
END_PROCESS = 8
OPEN_USERS = 9
STATE_MAKE = 10
STATE_WRITE = 11
STATE_FIFO = 12
STATE_REMOVE = 13
PID_FILE = 14
STATE_UNLINK = 15
CGROUP_ROOT = 20
CGROUP_MAKE = 21
CGROUP_ENABLE = 26
CGROUP_WRITE = 22
CGROUP_DEVICES = 23
CGROUP_REMOVE = 24
CGROUP_OF = 25
CGROUP_OWNER = 27
CLONE = 30
SEND = 31
RECEIVE = 32
AWAIT = 33
RELEASE = 34
RENDEZVOUS = 35
AWAIT_EXEC = 36
WAIT_START = 37
HOOK = 38
WRITE_CHILD = 39
LIMIT_CHILD = 40
KILL_CHILD = 41
SEND_PIDFD = 42
SCHEDULER = 43
IO_PRIORITY = 44
SETNS = 50
UNSHARE = 51
HOSTNAME = 52
DOMAINNAME = 53
LOOPBACK = 54
LEND_NETWORK = 57
NET_DEVICE = 58
PIN_NAMESPACE = 55
UNPIN_NAMESPACE = 56
PROPAGATION = 60
ROOT_ATTACH = 61
MOUNT_NEW = 62
MOUNT_LEGACY = 63
MOUNT_ATTRIBUTES = 64
ATTACH = 65
REMOUNT = 66
MASK = 67
READONLY = 68
PIVOT = 69
CHROOT = 70
OVERLAY = 71
SUBTREE = 72
MAP_IDS = 73
COPY_MODE = 75
COPY_UP = 74
MKDIR = 80
MKNOD = 81
SYMLINK = 82
OPEN_NULL = 83
OPEN_PROC = 84
PROC_WRITE = 85
SETSID = 90
TERMINAL = 91
TERMINAL_SEND = 92
CONNECT = 93
STDIO_OWNER = 94
CHDIR = 95
UMASK = 96
SETGROUPS = 97
SETGID = 98
SETUID = 99
CAP_BOUND = 100
CAP_KEEP = 101
CAP_SET = 102
CAP_AMBIENT = 103
NO_NEW_PRIVS = 104
SECCOMP = 105
DUMPABLE = 106
KEYRING = 107
HOME = 118
CLOSE_ON_EXEC = 110
KEEP_SLOTS = 111
FIND_EXECUTABLE = 108
EXEC = 109
REAP = 112
DIE_WITH_PARENT = 113
PERSONALITY = 114
MEMORY_POLICY = 115
AFFINITY = 116
SECCOMP_NOTIFY = 117
PROGRAM = 120
ADOPT = 121
MOUNT = 122
UNMOUNT = 123
TERMINAL_LISTEN = 124
TERMINAL_ACCEPT = 125

# Kinds of the arguments, one letter each.
KINDS = {
    1: "otn",
    2: "otn",
    3: "otnn",
    4: "otn",
    5: "onn",
    6: "o",
    7: "s",
    8: "s",
    9: "obb",
    10: "ott",
    11: "stnb",
    12: "ost",
    13: "stt",
    14: "tb",
    15: "st",
    20: "ot",
    21: "ostn",
    26: "stt",
    22: "stbn",
    23: "sb",
    24: "sts",
    25: "osn",
    27: "snv",
    30: "nS",
    31: "nn",
    32: "nn",
    33: "n",
    34: "n",
    35: "n",
    36: "",
    37: "ss",
    38: "tvvnbS",
    39: "tb",
    40: "nnn",
    41: "",
    42: "s",
    43: "b",
    44: "n",
    50: "sn",
    51: "n",
    52: "t",
    53: "t",
    54: "",
    57: "",
    58: "tt",
    55: "stn",
    56: "st",
    60: "tnn",
    61: "st",
    62: "otbn",
    63: "stttnt",
    64: "snnnn",
    65: "sstn",
    66: "stnnnn",
    67: "sts",
    68: "st",
    69: "s",
    70: "s",
    71: "ovttbS",
    72: "ost",
    73: "ssn",
    75: "sst",
    74: "sst",
    80: "stn",
    81: "stnnnn",
    82: "stt",
    83: "ot",
    84: "o",
    85: "stb",
    90: "",
    91: "snnn",
    92: "s",
    93: "ot",
    94: "n",
    95: "tn",
    96: "n",
    97: "b",
    98: "n",
    99: "n",
    100: "nn",
    101: "n",
    102: "nnn",
    103: "n",
    104: "",
    105: "bn",
    106: "n",
    107: "t",
    118: "nt",
    110: "",
    111: "SSSS",
    108: "v",
    109: "vvv",
    112: "",
    113: "",
    114: "n",
    115: "nb",
    116: "b",
    117: "bnsb",
    120: "Stvvn",
    121: "oStst",
    122: "st",
    123: "st",
    124: "ot",
    125: "st",
}
