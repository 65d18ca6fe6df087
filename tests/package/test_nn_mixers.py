# SPDX-License-Identifier: MIT
"""spikemix.nn's mixers against torch.fft, scipy and PyWavelets, as operators of torch, and in its transforms."""
import functools

import numpy as np
import pytest

torch = pytest.importorskip("torch", minversion="2.6")
import torch.nn.functional as F  # noqa: E402

import spikemix  # noqa: E402
import spikemix.nn as sn  # noqa: E402
from spikemix.nn import ops  # noqa: E402

LAYOUTS = ["TBND", "TBDN", "TBDHW"]
LINEAR = [row["name"] for row in sn.mixers() if row["linear"]]
ALL = [row["name"] for row in sn.mixers()]


def laid_out(x, layout, grid):
    """[T, B, N, D] in another layout."""
    if layout == "TBND":
        return x
    turned = x.transpose(2, 3)
    return turned if layout == "TBDN" else turned.unflatten(3, grid)


def tokens_of(x, layout):
    return x if layout == "TBND" else (x.flatten(3) if layout == "TBDHW" else x).transpose(2, 3)


def tokens(T=3, B=2, N=12, D=20, dtype=torch.float64, seed=0):
    return torch.randn(T, B, N, D, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def assert_close(got, want, tolerance=1e-10):
    want = torch.as_tensor(np.asarray(want.detach() if isinstance(want, torch.Tensor) else want))
    assert got.shape == want.shape
    assert (got.double() - want.double()).abs().max() <= tolerance * max(1.0, float(want.abs().max()))


def wavedec(x, wavelet, axes, levels):
    pywt = pytest.importorskip("pywt")
    array = x.numpy()
    for axis, level in zip(axes, levels):
        array = np.concatenate(pywt.wavedec(array, wavelet, mode="periodization", level=level, axis=axis), axis=axis)
    return torch.from_numpy(array)


def dct(x):
    fft = pytest.importorskip("scipy.fft")
    return torch.from_numpy(fft.dctn(x.numpy(), axes=(2,), norm="ortho"))


def hartley(x):
    f = torch.fft.fft(x, dim=2)
    return f.real - f.imag


def hadamard(x):
    linalg = pytest.importorskip("scipy.linalg")
    H = torch.from_numpy(linalg.hadamard(x.shape[2]).astype(np.float64)) / x.shape[2] ** 0.5
    return torch.einsum("ij,tbjd->tbid", H, x)


def avgpool(grid):
    def pool(x):
        images = x.transpose(2, 3).unflatten(3, grid).flatten(0, 1)
        return F.avg_pool2d(images, 3, 1, 1, count_include_pad=False).flatten(2).transpose(1, 2).view(x.shape)
    return pool


DEFINITIONS = [
    ("fft1d", (3, 5), 7, {}, lambda x: torch.fft.fft(x, dim=2).real),
    ("fft2d", (3, 5), 7, {}, lambda x: torch.fft.fft2(x, dim=(2, 3)).real),
    ("fft2d", (1, 17), 13, {}, lambda x: torch.fft.fft2(x, dim=(2, 3)).real),
    ("fft2d", (8, 8), 24, {"inverse": True}, lambda x: torch.fft.ifft2(x, dim=(2, 3)).real),
    ("fft1d", (1, 1), 1, {}, lambda x: x),
    ("hartley", (3, 3), 5, {}, hartley),
    ("dct", (1, 11), 3, {}, dct),
    ("hadamard", (4, 4), 9, {}, hadamard),
    ("avgpool3", (3, 5), 11, {}, avgpool((3, 5))),
    ("identity", (2, 3), 5, {}, lambda x: x),
    ("wt1d", (4, 4), 7, {"wavelet": "db2", "levels": 2}, lambda x: wavedec(x, "db2", [2], [2])),
    ("wt2d", (4, 4), 24, {"wavelet": "haar", "levels": 3}, lambda x: wavedec(x, "haar", [2, 3], [3, 3])),
    ("dwt-c", (4, 4), 16, {"bases": ["haar", "db2"], "levels": 2},
     lambda x: (wavedec(x, "haar", [2, 3], [2, 2]) + wavedec(x, "db2", [2, 3], [2, 2])) / 2),
    ("fwt-c", (4, 4), 16, {"bases": ["fft", "haar"], "levels": 2},
     lambda x: (torch.fft.fft2(x, dim=(2, 3), norm="ortho").real + wavedec(x, "haar", [2, 3], [2, 2])) / 2),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name, grid, D, options, definition", DEFINITIONS, ids=lambda v: str(v)[:24])
def test_transforms_are_their_definitions(name, grid, D, options, definition, layout):
    x = tokens(N=grid[0] * grid[1], D=D)
    want = definition(x)
    inputs = laid_out(x, layout, grid).contiguous().requires_grad_()
    y = sn.Transform(name, dim=D, grid=grid, layout=layout, **options)(inputs)
    assert_close(tokens_of(y, layout), want)
    # Linear: the gradient of <y, u> is M' u, and <M' u, x> = <u, M x>.
    u = torch.randn(y.shape, dtype=y.dtype)
    (gradient,) = torch.autograd.grad(y, inputs, u)
    assert_close((gradient * inputs).sum(), (u * y).sum())
    single = sn.Transform(name, dim=D, grid=grid, layout=layout, **options)(inputs.detach().float())
    assert single.dtype == torch.float32
    assert_close(tokens_of(single, layout), want, 1e-5)


def test_every_linear_mixer_has_a_definition():
    assert set(LINEAR) == {row[0] for row in DEFINITIONS}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axes", ["time", "tokens", "embed", "height", "width", "height,width", "time,tokens",
                                  "tokens,embed", "width,embed", "time,width", "time,height,width,embed"])
def test_axes(axes, layout):
    grid, D = (3, 5), 7
    x = tokens(N=15, D=D)
    names = axes.split(",")
    on_grid = "height" in names or "width" in names
    array = x.unflatten(2, grid) if on_grid else x
    dims = [({"time": 0, "height": 2, "width": 3, "embed": 4} if on_grid else {"time": 0, "tokens": 2, "embed": 3})[n]
            for n in names]
    want = torch.fft.fftn(array, dim=dims).real.reshape(x.shape)
    y = sn.Transform("fft1d", dim=D, grid=grid, T=3, layout=layout, axes=axes)(laid_out(x, layout, grid))
    assert_close(tokens_of(y, layout), want)


@pytest.mark.parametrize("layout", ["TBND", "TBDN"])
@pytest.mark.parametrize("name", LINEAR)
def test_gradients_once_and_twice(name, layout):
    grid, D = (2, 4), 8
    transform = sn.Transform(name, dim=D, grid=grid, layout=layout).double()
    x = laid_out(tokens(T=2, B=1, N=8, D=D), layout, grid).contiguous().requires_grad_()
    inputs = (x,) if transform.coeff is None else (x, transform.coeff)

    def run(x, *coefficients):
        return ops.mix(x, coefficients[0] if coefficients else None, transform.spec, *grid, transform.turned, False)
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("transform", ["fft2d", "hartley", "dct", "hadamard", "wt2d"])
def test_gates(transform):
    grid, D = (2, 4), 3
    spec = f"gated:transform={transform}"
    gate = torch.randn(ops.gate_of(spec, *grid, D).shape, dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 8, D, dtype=torch.float64, requires_grad=True)
    y = ops.gated(x, gate, spec, *grid)
    assert_close(y, ops.gated_by_torch(x, gate, spec, *grid))
    if transform == "fft2d":  # GFNet's global filter
        f = torch.fft.rfft2(x.unflatten(1, grid), dim=(1, 2), norm="ortho") * torch.view_as_complex(gate)
        assert_close(y, torch.fft.irfft2(f, grid, dim=(1, 2), norm="ortho").flatten(1, 2))
    assert torch.autograd.gradcheck(lambda x, k: ops.gated(x, k, spec, *grid), (x, gate))
    assert torch.autograd.gradgradcheck(lambda x, k: ops.gated(x, k, spec, *grid), (x, gate))
    g = torch.randn_like(x)
    for got, want in zip(ops.gated_backward(g, x, gate, spec, *grid),
                         ops.gated_backward_by_torch(g, x, gate, spec, *grid)):
        assert_close(got, want)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("spec", ["fft2d", "fft1d:axes=time,width", "wt2d:wavelet=db2:levels=1", "hartley:axes=height",
                                  "avgpool3", "dwt-c:bases=haar,db2:levels=1", "identity"])
def test_the_matrices_of_other_devices(spec, turned):
    """The code for CUDA, which no test machine has: the same operators by torch's own products."""
    grid, D = (4, 4), 8
    x = tokens(N=16, D=D)
    x = x.transpose(2, 3).contiguous() if turned else x
    c = torch.tensor([0.3, -1.2], dtype=torch.float64) if spec.startswith("dwt-c") else None
    for adjoint in (False, True):
        assert_close(ops.mix_by_matrices(x, c, spec, *grid, turned, adjoint),
                     ops.mix(x, c, spec, *grid, turned, adjoint))
    if c is not None:
        g = torch.randn_like(x)
        for got, want in zip(ops.mix_backward_by_matrices(g, x, c, spec, *grid, turned),
                             ops.mix_backward(g, x, c, spec, *grid, turned)):
            assert_close(got, want)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("spec", ["fft2d", "dwt-c:bases=haar,db2:levels=1"])
def test_half_precision(spec, dtype):
    x = tokens(N=16, D=8).to(dtype)
    c = torch.tensor([0.5, 0.5]) if spec.startswith("dwt-c") else None
    y = ops.mix(x, c, spec, 4, 4, False, False)
    assert y.dtype == dtype
    assert_close(y, ops.mix(x.double(), c, spec, 4, 4, False, False), 1e-2)


def test_threads_give_the_same_bits():
    x, g = tokens(T=4, B=8, N=64, D=96, dtype=torch.float32), tokens(T=4, B=8, N=64, D=96, dtype=torch.float32, seed=1)
    c = torch.tensor([0.5, 0.5])
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append((ops.mix(x, None, "fft2d", 8, 8, False, False),
                            *ops.mix_backward(g, x, c, "dwt-c:bases=haar,db2:levels=1", 8, 8, False)))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


OPERATORS = {
    "mix": lambda x, c, k: ("mix", (x, None, "fft2d", 4, 4, False, False)),
    "mix, coefficients": lambda x, c, k: ("mix", (x, c, "dwt-c:bases=haar,db2:levels=1", 4, 4, False, False)),
    "mix, turned": lambda x, c, k: ("mix", (x.detach().transpose(2, 3), None, "wt2d", 4, 4, True, False)),
    "mix_backward": lambda x, c, k: ("mix_backward", (x.detach().clone().requires_grad_(), x, c,
                                                         "dwt-c:bases=haar,db2:levels=1", 4, 4, False)),
    "gated": lambda x, c, k: ("gated", (x.flatten(0, 1), k, "gated", 4, 4)),
    "gated_backward": lambda x, c, k: ("gated_backward", (x.flatten(0, 1), x.flatten(0, 1), k, "gated", 4, 4)),
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_opcheck(operator):
    x = torch.randn(2, 2, 16, 8, requires_grad=True)
    c = torch.rand(2, requires_grad=True)
    k = torch.randn(ops.gate_of("gated", 4, 4, 8).shape, requires_grad=True)
    op, args = OPERATORS[operator](x, c, k)
    torch.library.opcheck(getattr(torch.ops.spikemix, op).default, args)


@functools.lru_cache(None)
def mixer(name, layout="TBND", **options):
    torch.manual_seed(0)
    if name in ("ssa", "random", "qk-token"):
        options["heads"] = 4
    return sn.Mixer(name, dim=32, grid=(4, 4), layout=layout, **options)


@pytest.mark.parametrize("stream", ["spike", "membrane"])
@pytest.mark.parametrize("name", ALL)
def test_every_mixer_in_every_layout(name, stream):
    """The same tokens give the same spikes and gradients in every layout."""
    T = 3
    x = 2 * tokens(T=T, N=16, D=32, dtype=torch.float32).abs().round()
    u, seen = tokens(T=T, N=16, D=32, dtype=torch.float32, seed=1), []
    for layout in LAYOUTS:
        module = mixer(name, layout, stream=stream).train()
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm1d):
                part.reset_running_stats()
        inputs = laid_out(x.detach(), layout, (4, 4)).contiguous().clone().requires_grad_()
        y = module(inputs)
        assert y.shape == inputs.shape and y.dtype == x.dtype
        assert stream == "membrane" or set(y.detach().unique().tolist()) <= {0.0, 1.0}
        (y * laid_out(u, layout, (4, 4))).sum().backward()
        seen.append((tokens_of(y, layout), tokens_of(inputs.grad, layout)))
    for y, gradient in seen[1:]:
        # Sums in another order may push a potential over the threshold.
        assert ((y - seen[0][0]).abs() > 1e-4).float().mean() < 0.01
        assert ((gradient - seen[0][1]).abs() > 1e-3 * gradient.abs().max()).float().mean() < 0.02


@pytest.mark.parametrize("name", ["fft2d", "dwt-c", "gated", "ssa", "sdsa1", "fatm", "dwc3", "maxpool3"])
def test_compiled_is_eager(name):
    """In one graph: fullgraph refuses to break it."""
    x = tokens(T=2, N=16, D=32, dtype=torch.float32)
    torch._dynamo.reset()
    module = mixer(name).eval()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    results = [run(value) for run, value in zip((module, compiled), inputs)]
    for result in results:
        result.sum().backward()
    assert torch.equal(results[0], results[1])
    assert_close(inputs[1].grad, inputs[0].grad, 1e-5)


def test_torch_func():
    x = tokens(T=2, B=3, N=16, D=8)
    for layout in LAYOUTS[:2]:
        transform = sn.Transform("fft2d", dim=8, grid=(4, 4), layout=layout)
        inputs = laid_out(x, layout, (4, 4))
        gradient = torch.func.grad(lambda v: transform(v).square().sum())(inputs)
        plain = inputs.clone().requires_grad_()
        transform(plain).square().sum().backward()
        assert_close(gradient, plain.grad)
        batch = torch.stack([inputs, 2 * inputs, -inputs], 1)  # mapped over axis 1
        assert_close(torch.vmap(transform, in_dims=1, out_dims=1)(batch),
                     torch.stack([transform(inputs), 2 * transform(inputs), -transform(inputs)], 1))
    per_sample = torch.vmap(torch.func.grad(lambda v: transform(v.unsqueeze(1)).square().sum()), in_dims=1, out_dims=1)
    assert_close(per_sample(inputs), gradient)
    combined = sn.Transform("dwt-c", dim=8, grid=(4, 4), bases=["haar", "db2"], levels=1).double()

    def loss(coefficients, v):
        return torch.func.functional_call(combined, {"coeff": coefficients}, (v,)).square().sum()
    one_by_one = torch.stack([torch.func.grad(loss)(combined.coeff, x[:, i:i + 1]) for i in range(3)])
    mapped = torch.vmap(torch.func.grad(loss), in_dims=(None, 1))(combined.coeff, x.unsqueeze(2))
    assert_close(mapped, one_by_one)
    spec, gate = "gated", torch.randn(ops.gate_of("gated", 4, 4, 8).shape, dtype=torch.float64)
    batch = torch.randn(3, 2, 16, 8, dtype=torch.float64)
    assert_close(torch.vmap(lambda v: ops.gated(v, gate, spec, 4, 4))(batch),
                 torch.stack([ops.gated(v, gate, spec, 4, 4) for v in batch]))


def test_forward_mode_is_refused_by_name():
    x = tokens(T=2, B=1, N=16, D=8)
    transform = sn.Transform("fft2d", dim=8, grid=(4, 4))
    with pytest.raises(NotImplementedError, match="spikemix::mix has no forward mode"):
        torch.func.jvp(transform, (x,), (x,))
    with torch.autograd.forward_ad.dual_level(), pytest.raises(NotImplementedError, match="spikemix::mix"):
        transform(torch.autograd.forward_ad.make_dual(x, x))


def test_autocast():
    x = tokens(T=2, B=2, N=16, D=32, dtype=torch.float32)
    for name in ("fft2d", "ssa", "gated", "dwc3"):
        module = mixer(name).train()
        with torch.autocast("cpu", torch.bfloat16):
            y = module(x)
            assert set(y.float().unique().tolist()) <= {0.0, 1.0}
        y.float().sum().backward()


def test_flops():
    from torch.utils.flop_counter import FlopCounterMode
    transform, x = sn.Transform("hadamard", dim=8, grid=(4, 4), axes="tokens"), tokens(T=2, B=3, N=16, D=8)
    with FlopCounterMode(display=False) as counter:
        transform(x.requires_grad_()).sum().backward()
    additions = 2 * 3 * 8 * 16 * 4  # n log2 n for each line, and the scaling
    assert 2 * additions <= counter.get_total_flops() <= 2 * (additions + 2 * 3 * 8 * 16)


@pytest.mark.parametrize("make, error, text", [
    (lambda: sn.Transform("fft3d", dim=8, grid=(4, 4)), spikemix.InputError, "unknown mixer 'fft3d'"),
    (lambda: sn.Transform("ssa", dim=8, grid=(4, 4)), ValueError, "not a transform: use Mixer"),
    (lambda: sn.Transform("fft2d", dim=8, grid=(4, 4), layout="BTND"), ValueError, "layout 'BTND'"),
    (lambda: sn.Transform("fft2d", dim=8, grid=(4, 4), axes="time"), ValueError, "expected T="),
    (lambda: sn.Transform("fft2d", dim=8, grid=(4, 4), wavelet="haar"), ValueError, "unknown option 'wavelet'"),
    (lambda: sn.Transform("wt2d", dim=8, grid=(4, 4), wavelet="harr"), ValueError, "haar"),
    (lambda: sn.Transform("hadamard", dim=8, grid=(3, 4)), ValueError, "12 tokens"),
    (lambda: sn.Mixer("ssa", dim=8, grid=(4, 4), heads=3), ValueError, "heads"),
    (lambda: sn.Mixer("fft2d", dim=0, grid=(4, 4)), ValueError, "dim 0"),
    (lambda: sn.Mixer("fft2d", dim=8, grid=(4, 4), neuron=torch.nn.ReLU()), TypeError, "ReLU"),
    (lambda: sn.Mixer("fft2d", dim=8, grid=(4, 4))(torch.zeros(2, 1, 15, 8)), ValueError, r"\[2, 1, 15, 8\].*16, 8"),
    (lambda: sn.Mixer("fft2d", dim=8, grid=(4, 4))(torch.zeros(2, 1, 16, 8, dtype=torch.int64)), ValueError, "int64"),
    (lambda: sn.Transform("fft1d", dim=8, grid=(4, 4), T=4, axes="time")(torch.zeros(2, 1, 16, 8)), ValueError,
     r"expected \[4, B, 16, 8\]"),
])
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()
