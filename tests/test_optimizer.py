# SPDX-License-Identifier: MIT
"""Muon against torch.optim.Muon."""
import pytest
import torch

SHAPES = [(24, 96), (96, 24), (32, 32), (16, 8, 3, 3), (12, 5, 1)]  # fc1, fc2, attention, a convolution, fc of events


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_muon_equals_torch(ops, shape, precision):
    torch.manual_seed(1)
    weight, gradients = torch.randn(shape), torch.randn(6, *shape)
    gradients[3] *= 1e-3
    matrix = torch.nn.Parameter(weight.flatten(1).clone())
    theirs = torch.optim.Muon([matrix], lr=3e-2, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw")
    for gradient in gradients:
        matrix.grad = gradient.flatten(1)
        theirs.step()
    ours = ops.muon(weight, gradients, 3e-2, 0.9, 0.1, precision)
    assert (ours - weight).abs().mean() > 0.01  # not trivial
    # torch.optim.Muon always multiplies in bf16; we use fp32 if the processor has no bf16 products.
    same = precision == "bf16" and ops.orthogonalised(weight.flatten(1), torch.bfloat16).dtype == torch.bfloat16
    rounding = 1e-6 if same else 2e-3
    torch.testing.assert_close(ours.flatten(1), matrix.detach(), rtol=1e-5, atol=rounding)


@pytest.mark.parametrize("shape", [(24, 96), (96, 24), (32, 32)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_step_goes_the_same_way_as_the_singular_vectors(ops, shape, dtype):
    torch.manual_seed(2)
    matrix = torch.randn(shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    directions = u.T @ ops.orthogonalised(matrix, dtype).float() @ v.T  # S' of U S' V'
    assert 0.5 < directions.diagonal().min() and directions.diagonal().max() < 1.3
    assert (directions - directions.diagonal().diag()).abs().max() < 0.1


@pytest.mark.parametrize("shape", [(24, 96), (24, 95), (96, 24)])  # wide enough to be made from x x'; not; tall
def test_fp32_takes_the_same_steps_as_double(ops, shape):
    torch.manual_seed(3)
    m = min(shape)
    left, right = (torch.linalg.qr(torch.randn(n, m).double())[0] for n in (m, max(shape)))
    # its smallest directions are only rounding errors
    matrix = left @ torch.logspace(0, -6, m, dtype=torch.float64).diag() @ right.T
    x = matrix / matrix.norm()
    for _ in range(5):
        xx = x @ x.T
        x = 3.4445 * x + (-4.7750 * xx + 2.0315 * xx @ xx) @ x
    ours = ops.orthogonalised(matrix.float() if shape[0] == m else matrix.T.float(), torch.float32)
    assert ((ours if shape[0] == m else ours.T).double() - x).norm() < 1e-3 * x.norm()
