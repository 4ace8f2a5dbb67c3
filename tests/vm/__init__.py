"""A throw-away guest with pure cgroup v2 that sees the files of this machine.

    python -m tests.vm [OPTION]... -- COMMAND

boots a distribution's kernel under QEMU, with the machine's root as the read-only lower layer of
an overlay, and runs COMMAND in it as root. Only what COMMAND writes below an `--rw` directory is
there afterwards. It is a test bed and no sandbox: the guest's root can read every file that the
user who starts it can read.

`kernel` and `modules` find what to boot, `initramfs` packs the first user space (`guest/`),
`shares` exports directories, `machine` is QEMU's command line, `acceleration` decides between KVM
and emulation, `processes` and `streams` run and watch it all, `session` puts these together.
"""
