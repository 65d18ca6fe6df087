# SPDX-License-Identifier: MIT
"""`spikemix count` against an independent count, from the spikes of the LibTorch half for the same pictures."""
import gzip
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import make_place, run, train

IMAGES = 20


@pytest.fixture(scope="module", params=["ssa", "fft2d", "wt2d"])
def trained(request, spikemix, tmp_path_factory):
    place = make_place(tmp_path_factory.mktemp("count"), 200, IMAGES)
    out = place / "run"
    overrides = [f"model.mixer={request.param}", "model.ssa_scale=1", "train.ema=0", "train.epochs=1"]
    result = run(*train(spikemix, place, out, *overrides))
    assert result.returncode == 0, result.stderr
    make_lively(out / "best" / "model.safetensors")
    return request.param, place, out


def make_lively(file):
    """Gives norms that keep every layer firing: after one epoch most are silent, which would prove nothing."""
    torch.manual_seed(0)
    with safe_open(file, "pt") as old:
        metadata, tensors = old.metadata(), {name: old.get_tensor(name) for name in old.keys()}
    for name, tensor in tensors.items():
        layer, kind = name.rsplit(".", 1)
        if layer.rsplit("_", 1)[-1].startswith("bn") or layer.endswith(".bn"):
            low, high = {"weight": (0.5, 1.5), "bias": (-0.5, 2.5), "running_mean": (-0.02, 0.02),
                         "running_var": (0.002, 0.02)}.get(kind, (0, 0))
            if high:
                tensor.uniform_(low, high)
    save_file(tensors, file, metadata)


def spikes_of(ops, place, out):
    """Spikes of every layer, channels last: [T, B, rows.., C]."""
    config = json.loads((out / "config.json").read_text())["config"]
    model = torch.classes.spikemix_test.Model(json.dumps({key: config[key] for key in ("model", "neuron")}), 0)
    model.load(load_file(out / "best" / "model.safetensors"), "best")
    model.train(False)
    pixels = gzip.decompress((place / "data" / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    x = (torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(-1, 1, 16, 16) / 255 - 0.5) / 0.5
    model.observe()
    model.forward(x)
    return {name: spikes.double() for name, spikes in model.spikes().items()}


def fan_out(height, width, outputs):
    """How many outputs of a 3x3 convolution with padding 1 read each pixel."""
    ones = torch.ones(1, 1, height, width, dtype=torch.float64)
    return outputs * torch.nn.functional.conv2d(ones, torch.ones(1, 1, 3, 3, dtype=torch.float64), padding=1)[0, 0]


def expected(x, fan):
    """x [T, B, ..., C]; fan [...]: means for one image."""
    weight, B = fan[..., None], x.shape[1]
    bits = sum((x.long() >> bit & 1).double() for bit in range(8))
    above = (x > 1) * weight
    return {"dense": (torch.ones_like(x) * weight).sum().item() / B, "density": (x > 0).double().mean().item(),
            "mean": x.mean().item(), "additions": ((x == 1) * weight).sum().item() / B,
            "count_once": above.sum().item() / B, "count_by_value": (above * x).sum().item() / B,
            "count_by_bits": (above * bits).sum().item() / B}


def pooled(x):
    y = torch.nn.functional.max_pool2d(x.flatten(0, 1).permute(0, 3, 1, 2), 3, 2, 1)
    return y.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])


def test_counts_equal_an_independent_count(ops, spikemix, trained):
    mixer, place, out = trained
    s = spikes_of(ops, place, out)
    stem = [s[f"patch_embed.proj_conv{i or ''}"] for i in range(4)]
    tokens = pooled(stem[3])
    want = {"patch_embed.proj_conv1": expected(stem[0], fan_out(16, 16, 8)),
            "patch_embed.proj_conv2": expected(stem[1], fan_out(16, 16, 16)),
            "patch_embed.proj_conv3": expected(pooled(stem[2]), fan_out(8, 8, 32)),
            "patch_embed.rpe_conv": expected(tokens, fan_out(4, 4, 32))}
    T, B, N, D = 2, IMAGES, 16, 32
    flat = lambda x: x.reshape(T, B, N, -1)
    x = flat(tokens) + flat(s["patch_embed.rpe_conv"])
    every = lambda outputs: torch.full((N,), float(outputs), dtype=torch.float64)
    for block in range(2):
        name = f"block.{block}."
        if mixer == "ssa":
            for part in "qkv":
                want[name + f"attn.{part}"] = expected(x, every(D))
            want[name + "attn.proj"] = expected(flat(s[name + "attn.attn"]), every(D))
            x = x + flat(s[name + "attn.proj"])
        else:
            x = x + flat(s[name + "attn"])
        want[name + "mlp.fc1"] = expected(x, every(4 * D))
        want[name + "mlp.fc2"] = expected(flat(s[name + "mlp.fc1"]), every(D))
        x = x + flat(s[name + "mlp.fc2"])

    result = run(spikemix, "count", out, "--images", IMAGES, "--precision", "fp32", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    layers = {layer["name"]: layer for layer in document["layers"]}
    assert document["images"] == IMAGES
    assert not any(layer["silent"] for layer in layers.values())
    for name, figures in want.items():
        for key, value in figures.items():  # a spike in 100,000 may differ between the halves
            assert layers[name][key] == pytest.approx(value, rel=2e-3, abs=1e-3), (name, key)
    assert layers["patch_embed.proj_conv"]["multiply_adds"] == fan_out(16, 16, 4).sum().item()
    total = document["total"]
    assert total["additions"] == pytest.approx(sum(layer["additions"] for layer in document["layers"]))
    assert total["neurons"] == T * (256 * (4 + 8) + 256 * 16 + 64 * 32 + 16 * 32 + 2 * N * (4 * D + D) +
                                    2 * N * D * (5 if mixer == "ssa" else 1))
    assert (total["attention_kv_first"] > 0) == (mixer == "ssa") and (total["mixer_additions"] > 0) == (mixer != "ssa")


def test_tables_of_energy(spikemix, trained, tmp_path):
    _, _, out = trained
    (tmp_path / "chip.toml").write_text('name = "chip"\nadd = 1000\n')
    table = ["--table", tmp_path / "chip.toml", "--csv", tmp_path / "count.csv"]
    document = json.loads(run(spikemix, "count", out, "--images", 5, *table, "--json").stdout)
    total = document["total"]
    additions = total["additions"] + total["count_by_bits"] + total["attention_kv_first"]
    assert document["energy"]["chip"] == pytest.approx(
        1e-6 * (additions + total["comparisons"] + total["residual_additions"]))
    rows = (tmp_path / "count.csv").read_text().splitlines()
    assert len(rows) == len(document["layers"]) + 2 and rows[0].startswith("name,kind,dense")
    (tmp_path / "chip.toml").write_text('name = "x"\n')
    assert run(spikemix, "count", out, *table).returncode == 2
    (tmp_path / "chip.toml").write_text('ad = 1\nadd = 1\n')
    result = run(spikemix, "count", out, *table)
    assert result.returncode == 2 and "chip.toml: unknown key 'ad'; did you mean 'add'?" in result.stderr


def test_recipes_and_published_rows(spikemix):
    document = json.loads(run(spikemix, "count", "cifar10", "model.mixer=fft2d", "--json").stdout)
    assert document["total"]["dense_padded"] == pytest.approx(3.078e9, rel=1e-3)
    assert document["published"] == {"data": "CIFAR-10", "mixer": "fft2d", "gops": 0.943, "energy_mj": 0.393}
    assert "energy" not in document and "contradicts" not in run(spikemix, "count", "cifar10").stdout
    assert json.loads(run(spikemix, "count", "cifar10-small", "--json").stdout)["published"] is None
    for arguments in (["demo", "model.embed_dim=63"], ["nothing"], ["demo", "--images", "0"]):
        assert run(spikemix, "count", *arguments).returncode == 2
