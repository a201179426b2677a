"""Rows of length one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommenders.core.nearest import sparse_unit, unit


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rows_get_length_one_keep_their_direction_and_their_type_and_rows_of_zeros_stay(kind):
    rows = np.array([[3.0, -4.0], [0.0, 0.0], [1e-3, 0.0]], dtype=kind)
    found = unit(rows)
    assert found.dtype == kind
    np.testing.assert_allclose(found, [[0.6, -0.8], [0.0, 0.0], [1.0, 0.0]], rtol=1e-6)


def test_rows_of_a_sparse_matrix_get_length_one_and_empty_ones_stay():
    rows = np.array([[3.0, -4.0], [0.0, 0.0], [1e-3, 0.0]], dtype=np.float32)
    found = sparse_unit(sp.csr_array(rows))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), unit(rows))
