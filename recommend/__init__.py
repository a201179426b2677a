import graph  # noqa: F401 - says where compiled loops are kept, before numba is loaded
