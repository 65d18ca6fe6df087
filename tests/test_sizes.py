# SPDX-License-Identifier: MIT
"""Every operator at all sizes from 1 to 17, against plain PyTorch in double: outputs and gradients.

Small sizes are where layouts become ambiguous: a tensor with one channel may be contiguous in two orders, or in none.
"""
import itertools

import pytest
import torch
from torch.nn import functional as F

SIZES = range(1, 18)
SPIKES, COUNTS, REAL = 0, 1, 2
DTYPES = [torch.float32, torch.bfloat16]


def sizes(*usual):
    """Each pair of dimensions in all sizes, while the others keep their usual one."""
    seen = set()
    for i, j in itertools.combinations(range(len(usual)), 2):
        for a, b in itertools.product(SIZES, SIZES):
            shape = list(usual)
            shape[i], shape[j] = a, b
            seen.add(tuple(shape))
    return sorted(seen)


def whole(*shape, top=4):
    """Whole numbers, so that sums of products are exact in fp32."""
    return torch.randint(-top, top + 1, shape).double()


def equal(got, want, dtype, exact):
    assert got.shape == want.shape
    if exact:
        return torch.equal(got.double(), want.to(dtype).double())
    # Weights of 14 bits, and a result rounded to 8.
    return bool(((got.double() - want).abs() <= want.abs() / 128 + 2e-3 * want.abs().max()).all())


def alone(*usual):
    """Each dimension in all sizes, while the others keep theirs: for more expensive operators."""
    return [(*usual[:i], n, *usual[i + 1:]) for i in range(len(usual)) for n in SIZES]


def check_product(op, x, weight, values, sparse_below, dtype, g, want, where):
    """want: y, dX and dW; None if not needed."""
    a, w = x.to(dtype).requires_grad_(want[1] is not None), weight.float().requires_grad_(want[2] is not None)
    y = op(a, w, values, sparse_below)
    y.backward(g.to(dtype))
    exact = dtype == torch.float32
    for name, got, expected in zip(("y", "dX", "dW"), (y, a.grad, w.grad), want):
        if expected is None:
            assert got is None
        elif name == "dX" and exact:  # Winograd's sums are exact only up to rounding
            assert (got.double() - expected).abs().max() <= 1e-5 * expected.abs().max() + 1e-6, (name, *where)
        else:
            assert equal(got, expected, dtype, exact), (name, *where)


def inputs(values, *shape):
    top = {SPIKES: 1, COUNTS: 5}.get(values)
    return torch.randint(0, top + 1, shape).double() if top else whole(*shape)


def check_linear(ops, values, sparse_below, dtype, shape):
    rows, fan_in, fan_out = shape
    x, weight, g = inputs(values, rows, fan_in), whole(fan_out, fan_in), whole(rows, fan_out, top=2)
    check_product(ops.spike_linear, x, weight, values, sparse_below, dtype, g,
                  (x @ weight.t(), g @ weight, g.t() @ x), shape)


def check_conv(ops, values, sparse_below, dtype, shape, dx=True, dw=True):
    images, H, W, fan_in, fan_out = shape
    x, weight = inputs(values, images, H, W, fan_in), whole(fan_out, fan_in, 3, 3)
    g = whole(images, H, W, fan_out, top=2)
    a, w = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = F.conv2d(a.permute(0, 3, 1, 2), w, padding=1).permute(0, 2, 3, 1)
    y.backward(g)
    check_product(ops.spike_conv, x, weight, values, sparse_below, dtype, g,
                  (y.detach(), a.grad if dx else None, w.grad if dw else None), shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("values", [SPIKES, COUNTS])
def test_sparse_linear(ops, values, dtype):
    torch.manual_seed(1)
    for shape in sizes(3, 5, 7):
        check_linear(ops, values, 99, dtype, shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("values", [SPIKES, COUNTS, REAL])
def test_dense_linear(ops, values, dtype):
    torch.manual_seed(1)
    for shape in alone(3, 5, 7):
        check_linear(ops, values, 0, dtype, shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sparse_conv(ops, dtype):
    torch.manual_seed(2)
    for shape in [*alone(2, 4, 3, 2, 3), *((1, 3, 2, *channels) for channels in sizes(2, 3)),
                  *((1, *image, 1, 2) for image in sizes(4, 3))]:
        check_conv(ops, SPIKES, 99, dtype, shape, dx=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("values", [SPIKES, COUNTS, REAL])
def test_dense_conv(ops, values, dtype):
    torch.manual_seed(2)
    for shape in alone(2, 4, 3, 2, 3):
        check_conv(ops, values, 0, dtype, shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_input_gradient_by_winograd(ops, dtype):
    torch.manual_seed(2)
    for fan_in, fan_out in sizes(2, 3):
        check_conv(ops, SPIKES, 99, dtype, (1, 4, 4, fan_in, fan_out), dw=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_max_pool(ops, dtype):
    torch.manual_seed(3)
    for images, H, W, C in [*alone(2, 5, 4, 3), *((1, *shape, 3) for shape in sizes(5, 4))]:
        x = torch.randint(0, 2, (images, H, W, C)).to(dtype)
        a, b = x.clone().requires_grad_(), x.double().requires_grad_()
        y = ops.max_pool(a[None])[0]
        want = F.max_pool2d(b.permute(0, 3, 1, 2), 3, 2, 1).permute(0, 2, 3, 1)
        g = torch.randint(-8, 8, y.shape).double()
        y.backward(g.to(dtype))
        want.backward(g)
        assert torch.equal(y.double(), want) and torch.equal(a.grad.double(), b.grad), (images, H, W, C)


class Fires(torch.autograd.Function):
    """Heaviside, and the gradient of sigmoid(4 v)."""

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v >= 0).to(v)

    @staticmethod
    def backward(ctx, g):
        s = (4 * ctx.saved_tensors[0]).sigmoid()
        return g * 4 * s * (1 - s)


def lif(x):
    v, spikes = torch.zeros_like(x[0]), []
    for step in x:
        h = v + (step - v) / 2
        spikes.append(Fires.apply(h - 1))
        v = h * (1 - spikes[-1].detach())
    return torch.stack(spikes)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("repeat", [False, True])
def test_norm_and_neurons(ops, training, repeat):
    torch.manual_seed(4)
    for T, M, C in sizes(3, 4, 5):
        y = torch.randn(*([] if repeat else [T]), M, C)
        residual = torch.randint(0, 4, (T, M, C)).float()
        weight, bias = torch.rand(C) + 0.5, torch.rand(C)
        mean, var = torch.randn(C), torch.rand(C) + 0.5
        ours = [t.clone().requires_grad_() for t in (y, residual, weight, bias)]
        theirs = [t.double().requires_grad_() for t in (y, residual, weight, bias)]
        s = ops.norm_neuron(ours[0], ours[2], ours[3], mean.clone(), var.clone(), None, training, ours[1],
                            T if repeat else 0, False)
        x = theirs[0].expand(T, M, C)
        m = x.mean((0, 1)) if training else mean.double()
        v = x.var((0, 1), unbiased=False) if training else var.double()
        z = (x - m) * (v + 1e-5).rsqrt() * theirs[2] + theirs[3]
        if training and (v < 1e-3).any():  # hardly any spread, and the norm magnifies rounding errors without limit
            continue
        want = theirs[1] + lif(z)
        if not torch.equal(s.double(), want):  # a potential within rounding of the threshold may fall on either side
            assert (s.double() != want).double().mean() < 0.02, (T, M, C)
            continue
        g = torch.randn(T, M, C)
        s.backward(g)
        want.backward(g.double())
        for a, b in zip(ours, theirs):
            scale = 1 + b.grad.abs().max().item()
            torch.testing.assert_close(a.grad.double(), b.grad, rtol=1e-3, atol=2e-4 * scale,
                                       msg=lambda text: f"{(T, M, C)}: {text}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_attention(ops, dtype):
    torch.manual_seed(5)
    for T, B, N, heads, d in [*alone(2, 2, 5, 2, 3), *((1, 1, N, 2, d) for N, d in sizes(5, 3))]:
        x = torch.randint(0, 2, (T, B, N, 3 * heads * d)).to(dtype)
        a, b = x.clone().requires_grad_(), x.double().requires_grad_()
        y = ops.spiking_attention(a, heads, 0.25)
        q, k, v = (t.reshape(T, B, N, heads, d).transpose(2, 3) for t in b.chunk(3, -1))
        want = (q @ k.transpose(-1, -2) @ v * 0.25).transpose(2, 3).reshape(T, B, N, heads * d)
        assert torch.equal(y.double(), want.to(dtype).double()), (T, B, N, heads, d)
        g = torch.randint(-2, 3, y.shape).double()
        y.backward(g.to(dtype))
        want.backward(g)
        # In bf16 the intermediate result of the two products is rounded, too.
        assert equal(a.grad, b.grad, dtype, dtype == torch.float32) or \
            (a.grad.double() - b.grad).abs().max() <= 0.02 * b.grad.abs().max(), (T, B, N, heads, d)


@pytest.mark.parametrize("name", ["identity", "fft1d:axes=tokens", "fft2d", "fft2d:axes=height,width", "hartley", "dct",
                                  "dct:axes=height,embed", "dct:axes=time", "avgpool3"])
def test_mixers(ops, name):
    """Kernels against the mixer's definition as matrices, at lengths that are not powers of two."""
    torch.manual_seed(6)
    for T, B, height, width, D in alone(2, 2, 3, 2, 4):
        x, g = torch.randn(2, T, B, height * width, D, dtype=torch.float64)
        want, _, _ = ops.mix_by_matrices(x, name, height, width, None)
        _, gradient, _ = ops.mix_by_matrices(g, name, height, width, None)
        a = x.float().requires_grad_()
        y = ops.mix(a, name, height, width, None)
        y.backward(g.float())
        for got, expected in ((y, want), (a.grad, gradient)):
            scale = expected.abs().max().item()
            assert (got.double() - expected).abs().max() <= 1e-5 * scale + 1e-6, (T, B, height, width, D)


@pytest.mark.parametrize("transform", ["noncontiguous", "expanded"])
def test_views_give_what_their_copies_give(ops, transform):
    """Operators accept any strides of arguments and gradients."""
    torch.manual_seed(7)

    def view(t):
        if transform == "expanded":
            return t[..., :1].expand(t.shape)
        return t.flip(-1).transpose(0, -1).contiguous().transpose(0, -1)

    spikes = torch.randint(0, 2, (3, 2, 4, 5, 6)).float()
    cases = [(lambda x: ops.spike_conv(x, view(torch.ones(7, 6, 3, 3)), SPIKES, 99), spikes),
             (lambda x: ops.spike_linear(x, view(torch.ones(7, 6)), COUNTS, 99), spikes),
             (ops.max_pool, spikes),
             (lambda x: ops.spiking_attention(x, 2, 1.0), spikes[0]),
             (lambda x: ops.mix(x, "fft2d", 5, 1, None), spikes[0]),
             (lambda x: ops.neuron(x, None, "lif", 2.0, 1.0, "hard", 0.0, True, "sigmoid", 0.0), 2 * spikes)]
    for op, x in cases:
        results = []
        for strided in (True, False):
            a = (view(x) if strided else view(x).contiguous()).detach().requires_grad_()
            y = op(a)
            g = torch.arange(y.numel(), dtype=torch.float32).reshape(y.shape) % 5
            y.backward(view(g) if strided else view(g).contiguous())
            results.append((y, a.grad))
        assert all(torch.equal(p, q) for p, q in zip(*results))
