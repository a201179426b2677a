"""The graph network: features, model, training, and the artifact that serving reads."""

import os

import graph  # noqa: F401 - says where compiled loops are kept, before numba is loaded

# While torch's OpenMP threads wait for each other they spin, which slows a training step down up to thirty times when
# other processes use the same cores. The variable is read once, when torch is first loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
