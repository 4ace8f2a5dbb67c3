"""What cgroup v2 gives to whom, as pure functions: the models of resource distribution that the kernel documents.

Documentation/admin-guide/cgroup-v2.rst names four: weights, limits, protections, allocations. Needs numpy.
"""
