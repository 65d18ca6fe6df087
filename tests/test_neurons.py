# SPDX-License-Identifier: MIT
"""Neurons, and the other parts of a layer, against SpikingJelly's multi-step nodes and torch.nn."""
import contextlib
import itertools

import pytest
import torch
from spikingjelly.activation_based import neuron, surrogate

KINDS = ["lif", "if", "plif"]
RESETS = [("hard", 0.0), ("hard", -0.25), ("soft", 0.0)]
SURROGATES = {
    "sigmoid": (4.0, surrogate.Sigmoid(4.0)),
    "arctan": (2.0, surrogate.ATan(2.0)),
    "triangle": (1.5, surrogate.PiecewiseQuadratic(1.5)),  # alpha max(0, 1 - alpha |u|)
}
CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"))
DEVICES = ["cpu", CUDA]


def node(kind, tau, v_threshold, reset, v_reset, detach, name):
    """SpikingJelly's node with the same behaviour."""
    common = dict(v_threshold=v_threshold, v_reset=v_reset if reset == "hard" else None, detach_reset=detach,
                  surrogate_function=SURROGATES[name][1], step_mode="m")
    if kind == "if":
        return neuron.IFNode(**common)
    if kind == "lif":
        return neuron.LIFNode(tau=tau, **common)
    return neuron.ParametricLIFNode(init_tau=tau, **common)


def compare(ops, x, kind, tau, v_threshold, reset, v_reset, detach, name, rtol):
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    reference = node(kind, tau, v_threshold, reset, v_reset, detach, name).to(x.device)
    w = reference.w.detach().clone().requires_grad_() if kind == "plif" else None
    s = ops.neuron(ours, w, kind, tau, v_threshold, reset, v_reset, detach, name, SURROGATES[name][0])
    want = reference(theirs)
    assert torch.equal(s, want)
    assert 0.02 < s.mean() < 0.98  # not trivial
    g = torch.randn_like(s)
    s.backward(g)
    want.backward(g)
    # A chain of T factors of order 1: a few roundings each.
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=rtol, atol=rtol)
    if w is not None:
        torch.testing.assert_close(w.grad, reference.w.grad, rtol=20 * rtol, atol=20 * rtol * x.numel() ** 0.5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind,reset,detach,name", list(itertools.product(KINDS, RESETS, [True, False], SURROGATES)))
def test_equals_spikingjelly(ops, kind, reset, detach, name, device):
    torch.manual_seed(KINDS.index(kind) + 10 * RESETS.index(reset) + 100 * detach)
    for T, shape in [(1, (33,)), (4, (2, 7, 19)), (10, (5, 16))]:
        x = 2 * torch.randn(T, *shape, device=device)
        compare(ops, x, kind, 2.0, 1.0, *reset, detach, name, rtol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SURROGATES)
def test_equals_spikingjelly_in_double(ops, kind, name):
    """Double uses ATen, as do all devices but the CPU."""
    torch.manual_seed(1)
    for reset, detach in itertools.product(RESETS, [True, False]):
        x = 2 * torch.randn(4, 3, 21, dtype=torch.float64)
        compare(ops, x, kind, 1.6 if kind == "lif" else 2.0, 0.75, *reset, detach, name, rtol=1e-6)


def test_bf16_computes_in_fp32(ops):
    torch.manual_seed(2)
    x = (2 * torch.randn(4, 6, 40)).bfloat16()
    ours, exact = x.clone().requires_grad_(), x.float().requires_grad_()
    settings = (None, "lif", 2.0, 1.0, "hard", 0.0, True, "sigmoid", 0.0)
    s, want = ops.neuron(ours, *settings), ops.neuron(exact, *settings)
    assert s.dtype == torch.bfloat16 and torch.equal(s.float(), want)
    g = torch.randn_like(x)
    s.backward(g)
    want.backward(g.float())
    assert torch.equal(ours.grad, exact.grad.bfloat16())


def lif(x):
    reference = neuron.LIFNode(tau=2.0, detach_reset=True, surrogate_function=surrogate.Sigmoid(4.0), step_mode="m")
    return reference(x)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("repeat", [0, 4])
def test_norm_and_neurons_equal_torch(ops, training, repeat, dtype, device):
    torch.manual_seed(3)
    T, M, C = 4, 37, 19
    bn = torch.nn.BatchNorm1d(C, dtype=dtype, device=device).train(training)
    with torch.no_grad():
        bn.weight.uniform_(0.5, 2), bn.bias.uniform_(0, 1), bn.running_mean.normal_(), bn.running_var.uniform_(0.5, 2)
    weight, bias = (p.detach().clone().requires_grad_() for p in (bn.weight, bn.bias))
    mean, var = bn.running_mean.clone(), bn.running_var.clone()
    x = torch.randn(*([] if repeat else [T]), M, C, dtype=dtype, device=device)
    linear_bias = torch.randn(C, dtype=dtype, device=device)
    residual = torch.randint(0, 4, (T, M, C), device=device).to(dtype)
    ours = [t.clone().requires_grad_() for t in (x, linear_bias, residual)]
    theirs = [t.clone().requires_grad_() for t in (x, linear_bias, residual)]

    s = ops.norm_neuron(ours[0], weight, bias, mean, var, ours[1], training, ours[2], repeat, False)
    y = theirs[0] + theirs[1]
    y = y.expand(T, M, C) if repeat else y
    want = theirs[2] + lif(bn(y.reshape(-1, C)).view(T, M, C))
    assert torch.equal(s, want)
    g = torch.randn_like(s)
    s.backward(g)
    want.backward(g)
    eps = 1e-4 if dtype == torch.float32 else 1e-6  # sums over T M = 148 rows
    torch.testing.assert_close(ours[0].grad, theirs[0].grad, rtol=eps, atol=eps)
    torch.testing.assert_close(ours[1].grad, theirs[1].grad, rtol=eps, atol=10 * eps)
    torch.testing.assert_close(ours[2].grad, theirs[2].grad, rtol=0, atol=0)
    torch.testing.assert_close(weight.grad, bn.weight.grad, rtol=eps, atol=10 * eps)
    torch.testing.assert_close(bias.grad, bn.bias.grad, rtol=eps, atol=10 * eps)
    torch.testing.assert_close(mean, bn.running_mean, rtol=eps, atol=eps)
    torch.testing.assert_close(var, bn.running_var, rtol=eps, atol=eps)
    if training:
        assert not ours[1].grad.any()  # cancels out: exactly zero, not rounding noise that Adam would amplify


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("copies", [1, 3])
def test_norm_alone_equals_torch(ops, training, copies, dtype, device):
    """The output of a layer without neurons: fp32 for bf16."""
    torch.manual_seed(8)
    M, C = 75, 19
    exact = torch.float32 if dtype == torch.bfloat16 else dtype
    bn = torch.nn.BatchNorm1d(C, dtype=exact, device=device).train(training)
    with torch.no_grad():
        bn.weight.uniform_(0.5, 2), bn.bias.uniform_(0, 1), bn.running_mean.normal_(), bn.running_var.uniform_(0.5, 2)
    weight, bias = (p.detach().clone().requires_grad_() for p in (bn.weight, bn.bias))
    mean, var = bn.running_mean.clone(), bn.running_var.clone()
    x = torch.randn(M, C, device=device).to(dtype)
    linear_bias, residual = torch.randn(C, dtype=exact, device=device), torch.randn(M, C, dtype=exact, device=device)
    ours = [t.clone().requires_grad_() for t in (x, linear_bias, residual)]
    theirs = [t.clone().requires_grad_() for t in (x, linear_bias, residual)]

    z = ops.batch_norm(ours[0], weight, bias, mean, var, ours[1], training, ours[2], copies)
    y = theirs[0].to(exact) + theirs[1]
    want = theirs[2] + bn(y.repeat(copies, 1)).view(copies, M, C).mean(0)  # all alike
    assert z.dtype == exact
    g = torch.randn_like(z)
    z.backward(g)
    want.backward(g)
    eps = 1e-4 if exact == torch.float32 else 1e-10
    torch.testing.assert_close(z, want, rtol=eps, atol=eps)
    rounding = 0.01 if dtype == torch.bfloat16 else eps
    torch.testing.assert_close(ours[0].grad, theirs[0].grad, rtol=rounding, atol=rounding)
    for got, expected in [(ours[1].grad, theirs[1].grad), (ours[2].grad, theirs[2].grad), (weight.grad, bn.weight.grad),
                          (bias.grad, bn.bias.grad), (mean, bn.running_mean), (var, bn.running_var)]:
        torch.testing.assert_close(got, expected, rtol=eps, atol=10 * eps)


@contextlib.contextmanager
def threads(n):
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_the_same_bits_for_any_number_of_threads(ops):
    torch.manual_seed(4)
    x, g = torch.randn(4, 1000, 24), torch.randn(4, 1000, 24)
    results = []
    for n in [1, 2, 3]:
        y = x.clone().requires_grad_()
        weight, bias = torch.ones(24, requires_grad=True), torch.zeros(24, requires_grad=True)
        mean, var = torch.zeros(24), torch.ones(24)
        with threads(n):
            s = ops.norm_neuron(y, weight, bias, mean, var, None, True, None, 0, False)
            s.backward(g)
        results.append((s.detach(), y.grad, weight.grad, bias.grad, mean, var))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


SPIKES, COUNTS, REAL = 0, 1, 2


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("sparse_below", [0, 99])  # as matrices, and from the spikes alone
@pytest.mark.parametrize("values", [SPIKES, COUNTS, REAL])
def test_products_equal_torch(ops, values, sparse_below, device):
    """Values are packed for backward; the gradients are those of the unpacked values."""
    torch.manual_seed(5)
    top = {SPIKES: 2, COUNTS: 9}.get(values)
    for ours_op, theirs_op, shape, weight in [
        (ops.spike_linear, torch.nn.functional.linear, (3, 5, 17), torch.randn(11, 17)),
        (ops.spike_conv, None, (2, 3, 6, 5, 7), torch.randn(9, 7, 3, 3)),
    ]:
        x = (torch.randint(0, top, shape).float() if top else torch.randn(shape)).to(device)
        a, wa = x.clone().requires_grad_(), weight.to(device).requires_grad_()
        b, wb = x.clone().requires_grad_(), weight.to(device).clone().detach().requires_grad_()
        y = ours_op(a, wa, values, sparse_below)
        if theirs_op:
            want = theirs_op(b, wb)
        else:
            want = torch.nn.functional.conv2d(b.flatten(0, 1).permute(0, 3, 1, 2), wb, padding=1)
            want = want.permute(0, 2, 3, 1).reshape(y.shape)
        g = torch.randn_like(y)
        y.backward(g)
        want.backward(g)
        torch.testing.assert_close(y, want, rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(wa.grad, wb.grad, rtol=1e-5, atol=1e-3)


def products(ops):
    """(operator, x, weight): sizes of several panels, words and blocks of rows, counts of three bit planes."""
    spikes = (torch.rand(5, 230, 90) < 0.2).float()
    counts = spikes * torch.randint(1, 6, spikes.shape)
    return [(ops.spike_linear, spikes, torch.randn(200, 90), SPIKES),
            (ops.spike_linear, counts, torch.randn(200, 90), COUNTS),
            (ops.spike_conv, (torch.rand(2, 5, 20, 12, 70) < 0.2).float(), torch.randn(100, 70, 3, 3), SPIKES)]


def gradients(op, x, weight, values, sparse_below, g):
    a, w = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = op(a, w, values, sparse_below)
    y.backward(g.to(y.dtype))
    return y.detach(), a.grad, w.grad


def test_sparse_products_in_bf16_are_more_accurate_than_dense_ones(ops):
    """14 bits of the largest weight and gradient of a channel, against 8 bits of each value."""
    torch.manual_seed(8)
    for op, x, weight, values in products(ops):
        g = torch.randn(*x.shape[:-1], weight.shape[0]).bfloat16()
        exact = gradients(op, x.double(), weight.double(), values, 0, g.double())
        dense = gradients(op, x.bfloat16(), weight, values, 0, g)
        sparse = gradients(op, x.bfloat16(), weight, values, 99, g)

        def error(result, i):
            return (result[i].double() - exact[i]).norm() / exact[i].norm()

        assert error(sparse, 0) < 2e-3 and error(sparse, 0) < 1.01 * error(dense, 0)  # y is rounded to bf16 in both
        assert error(sparse, 2) < 5e-4 and error(sparse, 2) < error(dense, 2)  # dW
        assert torch.equal(sparse[1], dense[1])  # dX is the same product


def test_input_gradients_by_winograd(ops):
    """Images made of whole 4 x 4 tiles, or nearly: fewer products than with matrices, the same dX, on any number of
    threads."""
    torch.manual_seed(9)
    for shape, out in [((1, 3, 8, 8, 24), 40), ((2, 5, 7, 12, 33), 16), ((1, 2, 32, 32, 48), 24)]:
        x, weight = torch.zeros(shape), torch.randn(out, shape[-1], 3, 3)
        g = torch.randn(*shape[:-1], out).bfloat16()
        exact = gradients(ops.spike_conv, x.double(), weight.bfloat16().double(), SPIKES, 0, g.double())[1]
        for dtype, most in [(torch.float32, 3e-6), (torch.bfloat16, 2e-3)]:
            dx = []
            for n in [1, 2, 3]:
                with threads(n):
                    dx.append(gradients(ops.spike_conv, x.to(dtype), weight.bfloat16().float(), SPIKES, 0, g)[1])
                assert (dx[-1].double() - exact).norm() < most * exact.norm()
                assert torch.equal(dx[-1], dx[0])


def test_sparse_products_give_the_same_bits_for_any_number_of_threads(ops):
    torch.manual_seed(9)
    for op, x, weight, values in products(ops):
        g = torch.randn(*x.shape[:-1], weight.shape[0])
        for dtype in [torch.float32, torch.bfloat16]:
            results = []
            for n in [1, 2, 3]:
                with threads(n):
                    y, _, dw = gradients(op, x.to(dtype), weight, values, 99, g)
                results.append((y, dw))
            for other in results[1:]:
                assert all(torch.equal(a, b) for a, b in zip(results[0], other))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("values", ["spikes", "counts", "real"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_max_pool_equals_torch(ops, dtype, values, stride, device):
    torch.manual_seed(6)
    for H, W, C in [(8, 8, 16), (5, 7, 3), (1, 2, 1)]:
        x = torch.rand(2, 3, H, W, C, device=device)
        x = {"spikes": x < 0.3, "counts": (4 * x).floor(), "real": x - 3}[values].to(dtype)
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        y = ops.max_pool(a, stride)
        want = torch.nn.functional.max_pool2d(b.flatten(0, 1).permute(0, 3, 1, 2), 3, stride, 1).permute(0, 2, 3, 1)
        g = torch.randint(-8, 8, y.shape, device=device).to(dtype)  # exact in bf16
        y.backward(g)
        want.reshape(y.shape).backward(g)
        assert torch.equal(y, want.reshape(y.shape))
        assert torch.equal(a.grad, b.grad)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("N,heads", [(16, 4), (5, 2)])  # head size 6 or 12: both orders of the product
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_attention_equals_its_definition(ops, N, heads, dtype, device):
    torch.manual_seed(7)
    T, B, D = 2, 3, 24
    x = (torch.rand(T, B, N, 3 * D, device=device) < 0.3).to(dtype)
    exact = torch.float32 if dtype == torch.bfloat16 else dtype
    a, b = x.clone().requires_grad_(), x.to(exact).requires_grad_()
    y = ops.spiking_attention(a, heads, 0.25)
    q, k, v = (t.reshape(T, B, N, heads, -1).transpose(2, 3) for t in b.chunk(3, -1))
    want = ((q @ k.transpose(-1, -2)) @ v * 0.25).transpose(2, 3).reshape(T, B, N, D)
    assert y.dtype == dtype and torch.equal(y.to(exact), want)  # integers
    g = torch.randn_like(want)
    y.backward(g.to(dtype))
    want.backward(g)
    tolerance = 0.02 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(a.grad.to(exact), b.grad, rtol=tolerance, atol=tolerance)


def test_wrong_settings_name_the_key(ops):
    x = torch.zeros(1, 4)
    with pytest.raises(RuntimeError, match="neuron.surrogate: 'atan'.*"):
        ops.neuron(x, None, "lif", 2.0, 1.0, "hard", 0.0, True, "atan", 0.0)
    with pytest.raises(RuntimeError, match="neuron.tau = 1: must be greater than 1"):
        ops.neuron(x, None, "lif", 1.0, 1.0, "hard", 0.0, True, "sigmoid", 0.0)
