# SPDX-License-Identifier: MIT
"""train.spike_cost against plain PyTorch: the term computed from its definition, its gradient by autograd."""
import pytest
import torch
import torch.nn.functional as F

from test_families import EVERY, FAMILIES, INTEGER, Reference, SIZES, model
from test_model import inputs
from test_neurons import COUNTS, SPIKES, gradients

CONFIGS = {name: EVERY[name] for name in ["spike-conv2-dwc3", "spike-conv4-sdsa1", "membrane-conv4-fft2d",
                                          "membrane-conv1-ssa", "iand-conv4-qk-token", "integer"]}
CONFIGS |= {name: FAMILIES[name] for name in ["maxformer-odd", "maxformer-events", "maxformer-integer", "qkformer-odd"]}
CONFIGS |= {"integer-spike": SIZES["events"] | INTEGER | {"mixer": ["ssa"], "stream": "spike"}}


class Priced(Reference):
    """Sums the outputs that read an input x its mean, over the layers that read spikes or counts."""

    def __call__(self, x):
        self.terms, self.first = [], True
        return super().__call__(x)

    def map(self, name, x, stride=1, padding=0, groups=1):
        weight = self.tensors[name + ".weight"]
        if not self.first and groups == 1:  # the first layer reads pictures; depthwise ones run dense
            ones = torch.ones_like(x[0, :1], requires_grad=True)
            kernel = torch.ones_like(weight[(...,) + (None,) * (4 - weight.dim())])
            F.conv2d(ones, kernel, None, stride, padding).sum().backward()
            read = x[..., ones.grad[0].sum(0) > 0]
            self.terms.append((ones.grad.sum(), read.mean(), (read != 0).double().mean()))
        self.first = False
        return super().map(name, x, stride, padding, groups)

    def use(self):
        all = sum(fan_out for fan_out, _, _ in self.terms)
        return tuple(sum(term[0] * term[i] for term in self.terms) / all for i in (1, 2))


def loss(logits):
    return F.cross_entropy(logits, torch.arange(len(logits)) % logits.size(1))


@pytest.mark.parametrize("name", CONFIGS)
def test_its_gradient_equals_the_definitions(ops, name):
    c = CONFIGS[name]
    ours = model(ops, c)
    ours.to_double()
    theirs = Priced(ops, c, ours.state())
    x = inputs(c, 3, torch.float64)
    ours.set_spike_cost(3.0)
    loss(ours.forward(x)).backward()
    logits = theirs(x)
    operations, density = theirs.use()
    assert operations > 0.01 and ours.spike_use() == pytest.approx((operations.item(), density.item()), rel=1e-12)
    (loss(logits) + 3.0 * operations).backward()
    without = {}
    ours.set_spike_cost(0.0)
    for n, t in ours.state().items():
        if t.requires_grad:
            torch.testing.assert_close(t.grad, theirs.tensors[n].grad, rtol=1e-6, atol=1e-9, msg=lambda m: f"{n}: {m}")
            without[n], t.grad = t.grad, None
    loss(ours.forward(x)).backward()
    changed = [n for n, t in ours.state().items() if t.requires_grad and not torch.equal(t.grad, without[n])]
    assert "head.weight" not in changed and len(changed) > len(without) / 2


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_recomputing_gives_the_same_bits(ops, name, bf16):
    c, results = CONFIGS[name], []
    x = inputs(c, 4, torch.float32)
    for recompute in [False, True]:
        ours = model(ops, c)
        ours.set_bf16(bf16), ours.set_recompute(recompute), ours.set_spike_cost(3.0)
        logits = ours.forward(x)
        use = ours.spike_use()
        loss(logits).backward()
        assert ours.spike_use() == use  # the second pass counts nothing
        state = ours.state()
        results.append((use, {n: t.grad for n, t in state.items() if t.requires_grad}))
    assert results[0][0] == results[1][0] and results[0][0][0] > 0
    assert all(torch.equal(gradient, results[1][1][n]) for n, gradient in results[0][1].items())


@pytest.mark.parametrize("name", CONFIGS)
def test_counting_alone_changes_no_bit(ops, name):
    c, results = CONFIGS[name], []
    x = inputs(c, 4, torch.float32)
    for counts in [False, True]:
        ours = model(ops, c)
        if counts:
            ours.set_spike_cost(0.0)
        loss(ours.forward(x)).backward()
        results.append({n: t.grad for n, t in ours.state().items() if t.requires_grad})
    assert all(torch.equal(gradient, results[1][n]) for n, gradient in results[0].items())


def test_every_input_of_a_product_pays_the_same(ops):
    """In bf16, where the price of one input is far below the gradient's last bit, this holds on average."""
    torch.manual_seed(0)
    counts = torch.randint(0, 5, (3, 40, 17)).float()
    pixels = (torch.rand(2, 8, 8, 24) < 0.3).float()
    odd = (torch.rand(2, 5, 7, 9) < 0.3).float()  # too small for Winograd
    for op, x, weight, values in [(ops.spike_linear, counts, torch.randn(11, 17), COUNTS),
                                  (ops.spike_conv, pixels, torch.randn(16, 24, 3, 3), SPIKES),
                                  (ops.spike_conv, odd, torch.randn(16, 9, 3, 3), SPIKES)]:
        g = torch.randn(*x.shape[:-1], weight.shape[0])
        for sparse_below in [0, 99]:
            priced = lambda *a: op(*a, 2.5 * x.numel())
            for dtype in [torch.float64, torch.float32]:
                plain, dearer = (gradients(f, x.to(dtype), weight.to(dtype), values, sparse_below, g.to(dtype))
                                 for f in (op, priced))
                torch.testing.assert_close(dearer[1], plain[1] + 2.5, rtol=1e-5, atol=1e-4)
                assert torch.equal(dearer[0], plain[0]) and torch.equal(dearer[2], plain[2])
    x = torch.ones(200, 64)
    weight, g = torch.randn(32, 64), torch.randn(200, 32)  # dX is about 6, in steps of 1/32
    dx = [gradients(lambda *a: ops.spike_linear(*a, price * x.numel()), x.bfloat16(), weight, SPIKES, 0, g)[1].double()
          for price in (0, 0.004)]
    assert (dx[1] - dx[0]).mean().item() == pytest.approx(0.004, rel=0.25)
    x = torch.ones(4, 16, 16, 64)
    weight, g = torch.randn(32, 64, 3, 3), torch.randn(4, 16, 16, 32)
    dx = [gradients(lambda *a: ops.spike_conv(*a, price * x.numel()), x.bfloat16(), weight, SPIKES, 0, g)[1].double()
          for price in (0, 0.01)]
    assert (dx[1] - dx[0]).mean().item() == pytest.approx(0.01, rel=0.25)
