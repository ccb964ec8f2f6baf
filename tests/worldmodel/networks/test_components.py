"""Principal components are those of a singular value decomposition, whichever side of the rows is longer."""

import pytest
import torch

from worldmodel.networks.components import principal


@pytest.mark.parametrize("shape", [(40, 200), (200, 40)])
def test_principal_components_are_those_of_a_singular_value_decomposition(shape: tuple[int, int]) -> None:
    rows = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * torch.linspace(2, 0.1, shape[1])
    directions, variances = principal(rows, 5)
    centred = rows.double() - rows.double().mean(dim=0)
    _, values, right = torch.linalg.svd(centred, full_matrices=False)
    assert torch.allclose(variances, values[:5] ** 2 / len(rows), rtol=1e-4)
    assert torch.allclose((right[:5] @ directions).abs(), torch.eye(5, dtype=torch.float64), atol=1e-3)


def test_wide_rows_have_one_component_less_than_there_are_rows() -> None:
    directions, variances = principal(torch.randn(4, 30, generator=torch.Generator().manual_seed(0)), 10)
    assert directions.shape == (30, 3)
    assert variances.shape == (3,)
