"""The learned answers: features, the graph network, its training and what it leaves for serving."""

import os

# torch's OpenMP threads spin while they wait for each other. Where other processes want the cores too, that made a
# training step up to thirty times slower; read once, when torch is first loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
