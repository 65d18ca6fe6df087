# SPDX-License-Identifier: MIT
"""spikemix.nn's neurons against SpikingJelly's nodes, and as operators of torch."""
import functools

import pytest

torch = pytest.importorskip("torch", minversion="2.6")

import spikemix  # noqa: E402
import spikemix.nn as sn  # noqa: E402
from spikemix.nn import ops  # noqa: E402

SURROGATES = ["sigmoid", "arctan", "triangle"]


def inputs(*shape, seed=0, dtype=torch.float32, scale=1.5):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def node(kind, surrogate, **options):
    """SpikingJelly's multi-step node."""
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    functions = pytest.importorskip("spikingjelly.activation_based.surrogate")
    made = {"sigmoid": lambda: functions.Sigmoid(alpha=4.0), "arctan": lambda: functions.ATan(alpha=2.0)}[surrogate]()
    kinds = {"lif": neuron.LIFNode, "if": neuron.IFNode, "plif": neuron.ParametricLIFNode}
    if kind == "plif":
        options["init_tau"] = options.pop("tau", 2.0)
    return kinds[kind](surrogate_function=made, step_mode="m", **options)


def ours(kind, surrogate, **options):
    return {"lif": sn.LIF, "if": sn.IF, "plif": sn.PLIF}[kind](surrogate=surrogate, **options)


OPTIONS = [
    ("lif", {"tau": 2.0}), ("lif", {"tau": 3.5, "v_threshold": 0.7, "v_reset": -0.2}), ("lif", {"v_reset": None}),
    ("lif", {"detach_reset": False}), ("lif", {"detach_reset": False, "v_reset": None}), ("if", {}),
    ("if", {"v_reset": None, "v_threshold": 0.5}), ("plif", {"tau": 2.0}), ("plif", {"tau": 1.5, "v_reset": None}),
]


@pytest.mark.parametrize("surrogate", ["sigmoid", "arctan"])
@pytest.mark.parametrize("kind, options", OPTIONS, ids=str)
def test_like_spikingjelly(kind, options, surrogate):
    options = {"detach_reset": True, **options}
    a, b = ours(kind, surrogate, **options), node(kind, surrogate, **options)
    for T, shape in [(1, (1,)), (2, (3, 5)), (4, (7, 11)), (4, (2, 3, 17)), (5, (1, 13, 4, 4)), (17, (2, 301))]:
        x = [inputs(T, *shape).requires_grad_() for _ in range(2)]
        g = inputs(T, *shape, seed=1)
        b.reset()
        spikes = [a(x[0]), b(x[1])]
        assert spikes[0].shape == spikes[1].shape and spikes[0].is_contiguous()
        assert torch.equal(*spikes), (T, shape)
        for s in spikes:
            s.backward(g)
        torch.testing.assert_close(x[0].grad, x[1].grad, rtol=1e-4, atol=1e-5)
        if kind == "plif":
            torch.testing.assert_close(a.w.grad, b.w.grad, rtol=1e-3, atol=1e-3)
            a.w.grad = b.w.grad = None


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("size", range(1, 18))
def test_odd_sizes(size, surrogate):
    """The kernel against torch's operators, which CUDA and doubles use."""
    for kind, options in [("lif", {}), ("lif", {"detach_reset": False}), ("plif", {"v_reset": None})]:
        module = ours(kind, surrogate, **options)
        for shape in [(4, size), (3, size, size), (2, 2, 16, size)]:
            x, g = inputs(*shape, seed=size), inputs(*shape, seed=size + 1)
            w = None if module.w is None else module.w.detach()
            assert torch.equal(ops.neuron(x, w, module.constants, 0), ops.neuron_by_torch(x, w, module.constants, 0))
            for got, want in zip(ops.neuron_backward(g, x, w, module.constants, 0),
                                 ops.neuron_backward_by_torch(g, x, w, module.constants, 0)):
                torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def smooth(x, k, leak, T):
    """Membranes that never fire: a neuron's gradient without the surrogate."""
    v, potentials = torch.zeros_like(x[0]), []
    for t in range(T):
        v = v + k * (x[t] - leak * v)
        potentials.append(v)
    return torch.stack(potentials)


def test_the_gradient_is_the_chain_rule_of_the_surrogate():
    """In double, below the threshold: the gradient is the surrogate's at each potential, times the potential's own."""
    module, x = sn.LIF(tau=3.0, surrogate="arctan"), inputs(5, 7, dtype=torch.float64, scale=0.1).requires_grad_()
    h = smooth(x, 1 / 3, 1, 5)
    g = inputs(5, 7, seed=1, dtype=torch.float64)
    slope = 1 / (1 + (torch.pi / 2 * 2 * (h.detach() - 1)) ** 2)
    want = torch.autograd.grad(h, x, g * slope)[0]
    torch.testing.assert_close(torch.autograd.grad(module(x), x, g)[0], want, rtol=1e-5, atol=1e-7)
    assert torch.autograd.gradcheck(lambda v: smooth(v, 1 / 3, 1, 5), (x,))


def test_integer_neurons():
    module = sn.Integer(levels=4, tau=2.0)
    x = inputs(4, 9, 33, scale=4)
    s = module(x)
    assert set(s.unique().tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert torch.equal(s, ops.neuron_by_torch(x, None, module.constants, 0))
    g = inputs(4, 9, 33, seed=1)
    torch.testing.assert_close(ops.neuron_backward(g, x, None, module.constants, 0)[0],
                               ops.neuron_backward_by_torch(g, x, None, module.constants, 0)[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_types(dtype):
    module, x = sn.LIF(), inputs(4, 5, 300).to(dtype)
    s = module(x)
    assert s.dtype == dtype and torch.equal(s.float(), module(x.float()))
    g = inputs(4, 5, 300, seed=1).to(dtype)
    got = ops.neuron_backward(g, x, None, module.constants, 0)[0]
    assert got.dtype == dtype
    want = ops.neuron_backward(g.float(), x.float(), None, module.constants, 0)[0]
    torch.testing.assert_close(got.float(), want, rtol=2e-2, atol=2e-2)


def test_still_input():
    for module in (sn.LIF(), sn.PLIF(v_reset=None)):
        x = [inputs(3, 40).requires_grad_() for _ in range(2)]
        s = [module(x[0], T=4), module(x[1].expand(4, 3, 40))]
        assert torch.equal(*s)
        g = inputs(4, 3, 40, seed=1)
        for spikes in s:
            spikes.backward(g)
        torch.testing.assert_close(x[0].grad, x[1].grad)


def test_any_memory_layout():
    module, x = sn.LIF(), inputs(4, 6, 50)
    assert torch.equal(module(x.transpose(1, 2)), module(x).transpose(1, 2))
    assert module(inputs(4, 0, 5)).shape == (4, 0, 5)
    assert module(inputs(0, 3)).shape == (0, 3)


def test_threads_give_the_same_bits():
    module, x, g = sn.PLIF(), inputs(4, 600, 384), inputs(4, 600, 384, seed=1)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with torch.no_grad():
                results.append((module(x), *ops.neuron_backward(g, x, module.w, module.constants, 0)))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


@pytest.mark.parametrize("make", [sn.LIF, sn.IF, sn.PLIF, sn.Integer, functools.partial(sn.LIF, v_reset=None)])
def test_opcheck_and_compile(make):
    module, x = make(), inputs(4, 3, 20).requires_grad_()
    w = None if module.w is None else module.w
    torch.library.opcheck(torch.ops.spikemix.neuron.default, (x, w, module.constants, 0))
    torch.library.opcheck(torch.ops.spikemix.neuron.default, (x[0].detach().requires_grad_(), w, module.constants, 4))
    plain = (inputs(4, 3, 20), x.detach(), None if w is None else w.detach(), module.constants, 0)
    torch.library.opcheck(torch.ops.spikemix.neuron_backward.default, plain)
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    y = compiled(x)
    assert torch.equal(y, module(x))
    (got,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(got, torch.autograd.grad(module(x).sum(), x)[0])


def test_torch_func():
    x = inputs(4, 3, 20)
    for module in (sn.LIF(), sn.PLIF()):
        plain = x.clone().requires_grad_()
        module(plain).sum().backward()
        gradient = torch.func.grad(lambda v: module(v).sum())(x)
        assert torch.equal(gradient, plain.grad)
        assert torch.equal(torch.vmap(module, in_dims=1, out_dims=1)(x), module(x))
        mapped = torch.vmap(torch.func.grad(lambda v: module(v).sum()), in_dims=1, out_dims=1)(x)
        torch.testing.assert_close(mapped, plain.grad)
    learned = sn.PLIF()

    def loss(w, v):
        return torch.func.functional_call(learned, {"w": w}, (v,)).sum()
    one_by_one = torch.stack([torch.func.grad(loss)(learned.w, x[:, i]) for i in range(3)])
    torch.testing.assert_close(torch.vmap(torch.func.grad(loss), in_dims=(None, 1))(learned.w, x), one_by_one)
    taus = torch.tensor([-0.5, 0.0, 0.5])
    torch.testing.assert_close(torch.vmap(torch.func.grad(loss), in_dims=(0, None))(taus, x),
                               torch.stack([torch.func.grad(loss)(w, x) for w in taus]))


def test_refusals():
    x = inputs(4, 3).requires_grad_()
    (gradient,) = torch.autograd.grad(sn.LIF()(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="spikemix::neuron has no second derivative"):
        gradient.sum().backward()
    with pytest.raises(NotImplementedError, match="spikemix::neuron has no forward mode"):
        torch.func.jvp(sn.LIF(), (x.detach(),), (x.detach(),))
    for make, text in [(lambda: sn.LIF(tau=1.0), "tau"), (lambda: sn.LIF(surrogate="relu"), "relu"),
                       (lambda: sn.LIF(alpha=-1.0), "alpha"), (lambda: sn.Integer(levels=99), "levels"),
                       (lambda: sn.PLIF(tau=0.5), "tau"),
                       (lambda: sn.LIF()(torch.zeros(4, dtype=torch.int32)), "int32"),
                       (lambda: sn.LIF()(torch.tensor(1.0)), "no axes")]:
        with pytest.raises(ValueError, match=text):
            make()
    with pytest.raises(spikemix.InputError):
        sn.LIF(tau=0.0)


def test_deepcopy_and_state():
    import copy
    import io
    module = sn.PLIF(tau=3.0)
    again = copy.deepcopy(module)
    assert again.w is not module.w and torch.equal(again.w, module.w) and list(module.state_dict()) == ["w"]
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    assert torch.equal(torch.load(buffer, weights_only=False)(inputs(4, 9)), module(inputs(4, 9)))
    assert "tau=3.0" in repr(module)
