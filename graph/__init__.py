"""The graph: its schema, import, export, database, and how it lies in memory."""

from graph.compiled import keep_compiled

keep_compiled()  # before numba is loaded
