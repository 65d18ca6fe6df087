# SPDX-License-Identifier: MIT
"""The mixers and their gradients against torch.fft, scipy.fft and PyWavelets."""
import itertools

import numpy
import pytest
import pywt
import scipy.fft
import scipy.linalg
import torch

AXES = {"time": 0, "tokens": 2, "embed": 3}


def tokens(T=2, B=3, height=4, width=4, D=24, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, B, height * width, D, dtype=torch.float64, generator=generator).to(dtype)


def assert_close(got, want, tolerance=1e-5):
    """Relative to the scale of the output: a transform's small coefficients are differences of large sums."""
    want = torch.as_tensor(numpy.asarray(want))
    assert got.shape == want.shape
    assert torch.isfinite(got).all()
    assert (got.double() - want.double()).abs().max() <= tolerance * want.abs().max()


def over_axes(x, axes, height, width, function):
    """function(array, dims) on [T, B, H, W, D] if the grid's axes are named, otherwise on [T, B, N, D]."""
    names = axes.split(",")
    array = x.double().numpy()
    if "height" in names or "width" in names:
        T, B, _, D = array.shape
        dims = {"time": 0, "height": 2, "width": 3, "embed": 4}
        return function(array.reshape(T, B, height, width, D), [dims[n] for n in names]).reshape(array.shape)
    return function(array, [AXES[n] for n in names])


ALL_AXES = ["tokens", "embed", "tokens,embed", "height,width", "height", "time", "time,tokens", "width,embed,time"]
SIZES = [dict(height=8, width=8, D=96), dict(height=7, width=7, D=100), dict(height=1, width=257, D=6)]


def fft_real(a, dims):
    return numpy.fft.fftn(a, axes=dims).real


def ifft_real(a, dims):
    return numpy.fft.ifftn(a, axes=dims).real


def hartley(a, dims):
    f = numpy.fft.fftn(a, axes=dims)
    return f.real - f.imag


def inverse_hartley(a, dims):
    return hartley(a, dims) / numpy.prod([a.shape[d] for d in dims])


def dct(a, dims):
    return scipy.fft.dctn(a, axes=dims, norm="ortho")


def idct(a, dims):
    return scipy.fft.idctn(a, axes=dims, norm="ortho")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("axes", ALL_AXES)
@pytest.mark.parametrize("name, forward, inverse",
                         [("fft1d", fft_real, ifft_real), ("hartley", hartley, inverse_hartley), ("dct", dct, idct)])
def test_fourier_family(ops, name, forward, inverse, axes, size):
    x = tokens(**size)
    grid = size["height"], size["width"]
    for suffix, reference in (("", forward), (":inverse=true", inverse)):
        assert_close(ops.mix(x, f"{name}:axes={axes}{suffix}", *grid, None), over_axes(x, axes, *grid, reference))


def test_fft_as_published(ops):
    x = tokens(height=8, width=8, D=384)
    assert_close(ops.mix(x, "fft1d", 8, 8, None), torch.fft.fft(x, dim=2).real)
    assert_close(ops.mix(x, "fft2d", 8, 8, None), torch.fft.fft2(x).real)
    assert_close(ops.mix(x, "fft2d:inverse=true", 8, 8, None), torch.fft.ifft2(x).real)
    assert_close(ops.mix(x, "hartley", 8, 8, None), torch.fft.fft(x, dim=2).real - torch.fft.fft(x, dim=2).imag)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 11, 12, 30, 49, 60, 63, 96, 121, 128, 210, 250, 257, 1024])
def test_any_length(ops, n):
    x = tokens(T=1, B=1, height=1, width=n, D=3)
    assert_close(ops.mix(x, "fft1d", 1, n, None), torch.fft.fft(x.double(), dim=2).real)
    assert_close(ops.mix(x, "dct", 1, n, None), scipy.fft.dct(x.double().numpy(), axis=2, norm="ortho"))


@pytest.mark.parametrize("n", [1, 2, 4, 8, 64, 128])
def test_hadamard(ops, n):
    x = tokens(height=1, width=n, D=5)
    h = torch.tensor(scipy.linalg.hadamard(n), dtype=torch.float64) / n ** 0.5
    assert_close(ops.mix(x, "hadamard", 1, n, None), h @ x.double())
    assert_close(ops.mix(x, "hadamard:inverse=true", 1, n, None), h @ x.double())


def wavedec(a, wavelet, levels, axis):
    return numpy.concatenate(pywt.wavedec(a, wavelet, "periodization", levels, axis), axis)


def waverec(a, wavelet, levels, axis):
    n = a.shape[axis]
    parts = [n >> levels] + [n >> level for level in range(levels, 0, -1)]
    coefficients = numpy.split(a, numpy.cumsum(parts)[:-1], axis)
    return pywt.waverec(coefficients, wavelet, "periodization", axis)


def test_the_list_of_wavelets_is_pywavelets_own(ops):
    families = ("haar", "db", "sym", "coif", "bior", "rbio")
    assert sorted(ops.wavelet_names()) == sorted(w for f in families for w in pywt.wavelist(f))


# PyWavelets warns if a filter is longer than the line; both wrap it around.
@pytest.mark.filterwarnings("ignore:Level value")
@pytest.mark.parametrize("family", ["haar", "db", "sym", "coif", "bior", "rbio"])
def test_every_wavelet(ops, family):
    # levels 0 means 6 for 64 tokens, 3 for 24 tokens or 8 dimensions.
    sizes = [(64, 12, 1), (64, 12, 2), (64, 8, 3), (64, 8, 0), (24, 8, 2), (24, 8, 0)]
    for wavelet, (n, D, levels) in itertools.product(pywt.wavelist(family), sizes):
        token_levels, embed_levels = levels or {64: 6, 24: 3}[n], levels or 3
        x = tokens(T=1, B=1, height=1, width=n, D=D)
        along_tokens = wavedec(x.double().numpy(), wavelet, token_levels, 2)
        spec = f"wavelet={wavelet}:levels={levels}"
        assert_close(ops.mix(x, "wt1d:" + spec, 1, n, None), along_tokens)
        assert_close(ops.mix(x, "wt2d:" + spec, 1, n, None), wavedec(along_tokens, wavelet, embed_levels, 3))
        assert_close(ops.mix(x, f"wt1d:{spec}:inverse=true", 1, n, None),
                     waverec(x.double().numpy(), wavelet, token_levels, 2))


def odd_wavedec(a, wavelet, levels, axis):
    """In an odd number of values the last one is passed on as an average."""
    details = []
    for _ in range(levels):
        even, last = numpy.split(a, [a.shape[axis] // 2 * 2], axis)
        a, detail = pywt.dwt(even, wavelet, "periodization", axis)
        a = numpy.concatenate([a, last], axis)
        details.insert(0, detail)
    return numpy.concatenate([a, *details], axis)


@pytest.mark.filterwarnings("ignore:Level value")
@pytest.mark.parametrize("wavelet", ["haar", "db2", "sym4", "bior2.4"])
@pytest.mark.parametrize("n", [3, 5, 7, 9, 14, 15, 17, 49, 196])
def test_wavelets_of_odd_sizes(ops, wavelet, n):
    x = tokens(T=1, B=1, height=1, width=n, D=5)
    most = (n - 1).bit_length()
    for levels in sorted({1, 2, most}):
        got = ops.mix(x, f"wt1d:wavelet={wavelet}:levels={levels}", 1, n, None)
        assert_close(got, odd_wavedec(x.double().numpy(), wavelet, levels, 2))
    usual = most if n % 2 else {14: 1, 196: 2}[n]
    assert_close(ops.mix(x, f"wt1d:wavelet={wavelet}", 1, n, None), odd_wavedec(x.double().numpy(), wavelet, usual, 2))


@pytest.mark.filterwarnings("ignore:Level value")
@pytest.mark.parametrize("axes", ALL_AXES)
def test_wavelets_over_axes(ops, axes):
    x = tokens(T=4)

    def reference(a, dims):
        for d in dims:
            a = wavedec(a, "sym4", 2, d)
        return a

    assert_close(ops.mix(x, f"wt1d:wavelet=sym4:levels=2:axes={axes}", 4, 4, None), over_axes(x, axes, 4, 4, reference))


@pytest.mark.filterwarnings("ignore:Level value")
def test_combinations(ops):
    x = tokens()
    a = x.double().numpy()

    def wt2d(wavelet):
        return torch.tensor(wavedec(wavedec(a, wavelet, 4, 2), wavelet, 3, 3))

    fft = torch.fft.fft2(x.double(), norm="ortho").real
    c = torch.tensor([0.3, -1.7])
    assert_close(ops.mix(x, "dwt-c", 4, 4, c), 0.3 * wt2d("haar") - 1.7 * wt2d("db2"))
    assert_close(ops.mix(x, "fwt-c", 4, 4, c), 0.3 * fft - 1.7 * wt2d("haar"))
    c = torch.tensor([0.5, 0.25, 2.0])
    assert_close(ops.mix(x, "fwt-c:bases=db3,fft,bior2.2", 4, 4, c),
                 0.5 * wt2d("db3") + 0.25 * fft + 2 * wt2d("bior2.2"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_average_pool(ops, size):
    x = tokens(**size)
    grid = x.double().unflatten(2, (size["height"], size["width"])).flatten(0, 1).permute(0, 3, 1, 2)
    want = torch.nn.functional.avg_pool2d(grid, 3, 1, 1, count_include_pad=False).flatten(2).transpose(1, 2)
    assert_close(ops.mix(x, "avgpool3", size["height"], size["width"], None), want.reshape(x.shape))


def coefficients_of(name):
    return torch.tensor([0.7, -0.4], dtype=torch.float64) if name.endswith("-c") else None


def specs(ops):
    """Every mixer of the registry, forward and inverse, over every kind of axis."""
    for name in ops.mixer_names():
        if name in ("identity", "avgpool3"):  # no choice of axes
            yield name
            continue
        every_axes = ["tokens", "tokens,embed", "height,width", "time,embed"]
        for axes, inverse in itertools.product(every_axes, ["false", "true"]):
            yield f"{name}:axes={axes}:inverse={inverse}"
    for wavelet in ("db3", "bior2.4", "rbio1.3"):
        yield f"wt2d:wavelet={wavelet}"
        yield f"wt2d:wavelet={wavelet}:inverse=true:levels=1"


def test_gradients(ops):
    for spec in specs(ops):
        x = tokens(T=2, B=2, height=2, width=4, D=4, dtype=torch.float64).requires_grad_()
        c = coefficients_of(spec.split(":")[0])
        if c is None:
            assert torch.autograd.gradcheck(lambda v: ops.mix(v, spec, 2, 4, None), [x], fast_mode=False), spec
        else:
            c.requires_grad_()
            assert torch.autograd.gradcheck(lambda v, w: ops.mix(v, spec, 2, 4, w), [x, c], fast_mode=False), spec


def test_gradients_in_fp32(ops):
    """The adjoint in fp32, against the one in double that gradcheck has verified."""
    for spec in specs(ops):
        g = tokens(T=2, height=8, width=8, D=64, seed=1)
        gradients = []
        for dtype in (torch.float32, torch.float64):
            x = tokens(T=2, height=8, width=8, D=64, dtype=dtype).requires_grad_()
            c = coefficients_of(spec.split(":")[0])
            c = c.to(dtype).requires_grad_() if c is not None else None
            ops.mix(x, spec, 8, 8, c).backward(g.to(dtype))
            gradients.append((x.grad, c.grad if c is not None else torch.ones(1)))
        assert_close(gradients[0][0], gradients[1][0].numpy())
        assert_close(gradients[0][1], gradients[1][1].numpy())


def test_matrices_equal_kernels(ops):
    """The GPU's code: the definition as matrix products."""
    for spec in specs(ops):
        x = tokens(T=2, B=2, height=2, width=4, D=8, dtype=torch.float64).requires_grad_()
        c = coefficients_of(spec.split(":")[0])
        if c is not None:
            c.requires_grad_()
        y = ops.mix(x, spec, 2, 4, c)
        y.backward(x.detach())
        forward, adjoint, for_coefficients = ops.mix_by_matrices(
            x.detach(), spec, 2, 4, c.detach() if c is not None else None)
        assert_close(forward, y.detach().numpy(), 1e-12)
        assert_close(adjoint, x.grad.numpy(), 1e-12)
        if c is not None:
            assert_close(for_coefficients, c.grad.numpy(), 1e-12)


def test_bfloat16_is_rounded_once(ops):
    """Input in bfloat16, transform in fp32, output in bfloat16."""
    x = tokens(height=8, width=8, D=48, dtype=torch.bfloat16).requires_grad_()
    c = torch.tensor([0.3, 0.7], requires_grad=True)
    exact_c = c.detach().double().requires_grad_()
    exact_x = x.detach().double().requires_grad_()
    for name, coefficients, exact_coefficients in (("fft2d", None, None), ("dwt-c", c, exact_c)):
        x.grad = exact_x.grad = None
        y = ops.mix(x, name, 8, 8, coefficients)
        exact = ops.mix(exact_x, name, 8, 8, exact_coefficients)
        y.backward(x.detach())
        exact.backward(exact_x.detach())
        for got, want in ((y, exact), (x.grad, exact_x.grad)):
            assert got.dtype == torch.bfloat16
            assert ((got - want).abs() <= 2 ** -8 * want.abs() + 1e-6 * want.abs().max()).all()
    assert c.grad.dtype == torch.float32
    assert_close(c.grad, exact_c.grad.numpy())


def test_threads_do_not_matter(ops):
    x = tokens(T=4, B=4, height=8, width=8, D=96)
    results = []
    for threads in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            c = torch.tensor([0.3, 0.7], requires_grad=True)
            leaf = x.clone().requires_grad_()
            y = ops.mix(leaf, "fwt-c", 8, 8, c)
            y.backward(x)
            results.append((y.detach(), leaf.grad, c.grad))
        finally:
            torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_equals_cpu(ops):
    for spec in specs(ops):
        c = coefficients_of(spec.split(":")[0])
        results = []
        for device in ("cpu", "cuda"):
            x = tokens(T=2, height=8, width=8, D=64, dtype=torch.float64).detach().to(device).requires_grad_()
            d = c.detach().to(device).requires_grad_() if c is not None else None
            y = ops.mix(x, spec, 8, 8, d)
            y.backward(x.detach())
            results.append([t.cpu() for t in (y.detach(), x.grad, d.grad if d is not None else x.grad)])
        for cpu, cuda in zip(*results):
            assert_close(cuda, cpu.numpy(), 1e-12)


# --- gates between a transform and its inverse ---

def separable(matrix_of):
    """The transform of a grid, as one matrix [N, N], made from that of a line."""
    return lambda height, width: numpy.kron(matrix_of(height), matrix_of(width))


def hartley_of_grid(height, width):
    n = height * width
    return hartley(numpy.eye(n).reshape(-1, height, width), (1, 2)).reshape(n, -1).T / n ** 0.5


def wavelet_of_grid(wavelet, levels=None):
    def of_line(n):
        usual = (n - 1).bit_length() if n % 2 else (n & -n).bit_length() - 1
        return odd_wavedec(numpy.eye(n), wavelet, usual if levels is None else levels, 0) if n > 1 else numpy.eye(1)

    return separable(of_line)


GATED = {
    "fft2d": None,
    "hartley": hartley_of_grid,
    "dct": separable(lambda n: scipy.fft.dct(numpy.eye(n), axis=0, norm="ortho")),
    "hadamard": separable(lambda n: scipy.linalg.hadamard(n) / n ** 0.5),
    "wt2d": wavelet_of_grid("haar"),
    "wt2d:wavelet=db2": wavelet_of_grid("db2"),
    "wt2d:wavelet=sym5": wavelet_of_grid("sym5"),
    "wt2d:wavelet=haar:levels=1": wavelet_of_grid("haar", 1),
}
GRIDS = [(1, 1), (1, 2), (2, 1), (3, 3), (4, 4), (5, 7), (2, 8), (17, 3), (6, 17), (9, 10), (1, 17), (8, 8), (11, 13)]


def gate_for(ops, x, spec, height, width, seed=3):
    shape = ops.gate_shape(x, spec, height, width)
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gated_reference(name, x, gate, height, width):
    """In double, with Torch's own gradients."""
    if name == "fft2d":
        spectrum = torch.fft.rfft2(x.unflatten(2, (height, width)), dim=(2, 3), norm="ortho")
        y = torch.fft.irfft2(torch.view_as_complex(gate) * spectrum, s=(height, width), dim=(2, 3), norm="ortho")
        return y.flatten(2, 3)
    matrix = torch.from_numpy(GATED[name](height, width))
    k = gate.reshape(height * width, -1)
    return torch.linalg.inv(matrix) @ (k * (matrix @ x))


def fits(name, height, width):
    return name != "hadamard" or all(n & (n - 1) == 0 for n in (height, width))


@pytest.mark.filterwarnings("ignore:Level value")
@pytest.mark.parametrize("name", GATED)
def test_gated(ops, name):
    """Forward, and the gradients of x and of the gate, in double, in fp32 and by the code for other devices."""
    for (height, width), D in itertools.product(GRIDS, (1, 5, 16, 33)):
        if not fits(name, height, width):
            continue
        spec = f"gated:transform={name}"
        x, g = (tokens(T=3, B=7, height=height, width=width, D=D, dtype=torch.float64, seed=s) for s in (0, 1))
        gate = gate_for(ops, x, spec, height, width)
        expected_x, expected_gate = x.clone().requires_grad_(), gate.clone().requires_grad_()
        expected = gated_reference(name, expected_x, expected_gate, height, width)
        expected.backward(g)
        for dtype, function, tolerance in ((torch.float64, ops.gated, 1e-11), (torch.float32, ops.gated, 2e-6),
                                           (torch.float64, ops.gated_by_torch, 1e-11)):
            leaf, k = x.to(dtype, copy=True).requires_grad_(), gate.to(dtype, copy=True).requires_grad_()
            y = function(leaf, spec, height, width, k)
            y.backward(g.to(dtype))
            assert_close(y.detach(), expected.detach(), tolerance)
            assert_close(leaf.grad, expected_x.grad, tolerance)
            assert_close(k.grad, expected_gate.grad, tolerance)


@pytest.mark.parametrize("name", GATED)
def test_gradients_of_gates(ops, name):
    for height, width in [(1, 1), (2, 4), (4, 4), (3, 5), (2, 7)]:
        if fits(name, height, width):
            x = tokens(T=2, B=1, height=height, width=width, D=3, dtype=torch.float64).requires_grad_()
            spec = f"gated:transform={name}"
            gate = gate_for(ops, x, spec, height, width).requires_grad_()
            assert torch.autograd.gradcheck(lambda v, k: ops.gated(v, spec, height, width, k), [x, gate])


def test_gates_over_tokens_in_one_line(ops):
    x = tokens(height=3, width=4, D=5, dtype=torch.float64)
    for name in ("fft2d", "dct", "wt2d"):
        spec = f"gated:transform={name}:axes=tokens"
        gate = gate_for(ops, x, spec, 3, 4)
        assert gate.shape[:2] == (1, 7 if name == "fft2d" else 12)
        assert_close(ops.gated(x, spec, 3, 4, gate), gated_reference(name, x, gate, 1, 12), 1e-12)


def test_gates_of_one_are_the_identity(ops):
    for name in GATED:
        x = tokens(height=4, width=8, D=20)
        gate = torch.ones(ops.gate_shape(x, f"gated:transform={name}", 4, 8))
        if name == "fft2d":
            gate[..., 1] = 0
        assert_close(ops.gated(x, f"gated:transform={name}", 4, 8, gate), x, 1e-6)


def test_gates_in_bfloat16_and_on_any_number_of_threads(ops):
    x, g = (tokens(T=4, B=5, height=8, width=7, D=90, dtype=torch.bfloat16, seed=s) for s in (0, 1))
    spec = "gated:transform=fft2d"
    gate = gate_for(ops, x, spec, 8, 7)
    results = []
    for threads, dtype in ((1, torch.bfloat16), (2, torch.bfloat16), (1, torch.float64)):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            leaf = x.to(dtype, copy=True).requires_grad_()
            k = gate.to(torch.float64 if dtype == torch.float64 else torch.float32, copy=True).requires_grad_()
            y = ops.gated(leaf, spec, 8, 7, k)
            y.backward(g.to(dtype))
            results.append((y.detach(), leaf.grad, k.grad))
        finally:
            torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results[:2]))
    for got, want in zip(results[0][:2], results[2]):  # rounded once
        assert got.dtype == torch.bfloat16
        assert ((got - want).abs() <= 2 ** -8 * want.abs() + 1e-6 * want.abs().max()).all()
    assert results[0][2].dtype == torch.float32
    assert_close(results[0][2], results[2][2].numpy())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gates_on_a_gpu_equal_those_on_a_cpu(ops):
    for name in GATED:
        results = []
        for device in ("cpu", "cuda"):
            x = tokens(height=4, width=8, D=20, dtype=torch.float64)
            gate = gate_for(ops, x, f"gated:transform={name}", 4, 8).to(device).requires_grad_()
            leaf = x.to(device).requires_grad_()
            y = ops.gated(leaf, f"gated:transform={name}", 4, 8, gate)
            y.square().sum().backward()
            results.append([t.cpu() for t in (y.detach(), leaf.grad, gate.grad)])
        for cpu, cuda in zip(*results):
            assert_close(cuda, cpu.numpy(), 1e-12)
