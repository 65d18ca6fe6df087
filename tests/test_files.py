# SPDX-License-Identifier: MIT
"""Model files against the safetensors package and torch.save: each side reads what the other writes."""
import argparse
import collections
import io
import zipfile

import pytest
import safetensors
import safetensors.torch
import torch

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
          torch.int8, torch.uint8, torch.bool]


def every_dtype():
    generator = torch.Generator().manual_seed(0)
    tensors = {str(dtype)[6:]: torch.randint(-3, 100, (3, 5), generator=generator).to(dtype) for dtype in DTYPES}
    tensors |= {"scalar": torch.tensor(7), "empty": torch.empty(0, 4), "block.0.attn.bn.weight": torch.rand(384)}
    return tensors


def assert_same(loaded, want):
    """loaded: (names, tensors) of an operator."""
    got = dict(zip(*loaded))
    assert got.keys() == want.keys()
    for name, tensor in want.items():
        assert got[name].dtype == tensor.dtype and torch.equal(got[name], tensor), name


def test_ours_is_read_by_the_package(ops, tmp_path):
    path, tensors, config = str(tmp_path / "m.safetensors"), every_dtype(), '{"name": "ü \\n \\"quoted\\""}'
    ops.save_safetensors(path, list(tensors), list(tensors.values()), config)
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt", "spikemix": config}
        assert_same((list(file.keys()), [file.get_tensor(key) for key in file.keys()]), tensors)


def test_the_packages_is_read_by_us(ops, tmp_path):
    path, tensors = str(tmp_path / "m.safetensors"), every_dtype()
    safetensors.torch.save_file(tensors, path, {"format": "pt", "note": "ü\n"})
    assert_same(ops.load_safetensors(path), tensors)
    assert ops.safetensors_metadata(path) == ["format", "pt", "note", "ü\n"]


def test_we_refuse_what_the_package_refuses(ops, tmp_path):
    path = tmp_path / "m.safetensors"
    whole = safetensors.torch.save({"w": torch.arange(6.0), "n": torch.tensor(1)})
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(safetensors.SafetensorError):
            safetensors.safe_open(path, "pt").__enter__()
        with pytest.raises(RuntimeError, match="m.safetensors: "):
            ops.load_safetensors(str(path))


def state_dict():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))
    return module.state_dict()


def load(ops, tmp_path, saved, **how):
    path = tmp_path / "m.pth"
    torch.save(saved, path, **how)
    return ops.load_pth(str(path))


def test_pth_state_dict(ops, tmp_path):
    want = state_dict()
    names, _ = loaded = load(ops, tmp_path, want)
    assert names == list(want)  # in its order, too
    assert_same(loaded, want)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pth_of_every_pickle_protocol(ops, tmp_path, protocol):
    want = state_dict()
    assert_same(load(ops, tmp_path, {"state_dict": want, "epoch": 3}, pickle_protocol=protocol), want)


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "net"])
def test_pth_of_a_training_run(ops, tmp_path, key):
    parameter = torch.nn.Parameter(torch.rand(3))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    want = state_dict()
    saved = {"epoch": 299, "arch": "spikformer", "optimizer": optimizer.state_dict(), "metric": 95.2, "seed": 2**80,
             "args": argparse.Namespace(lr=5e-4, mean=(0.5, 0.5), mixup=None, names={"a", "b"}, raw=b"\x00"),
             "history": collections.defaultdict(list, loss=[1.0, 2.0]), key: want, "amp_scaler": {"scale": 65536.0}}
    assert_same(load(ops, tmp_path, saved), want)


def test_pth_of_data_parallel(ops, tmp_path):
    want = state_dict()
    assert_same(load(ops, tmp_path, {"module." + name: tensor for name, tensor in want.items()}), want)


def test_pth_of_every_dtype(ops, tmp_path):
    want = every_dtype()
    assert_same(load(ops, tmp_path, want), want)


def test_pth_of_parameters_and_views(ops, tmp_path):
    base = torch.arange(24.0).reshape(2, 3, 4)
    saved = {"parameter": torch.nn.Parameter(torch.rand(2, 2)), "permuted": base.permute(2, 0, 1), "same": base,
             "slice": base[1, ::2, 1:], "scalar": base[1, 2, 3], "expanded": torch.tensor([1.0, 2.0]).expand(3, 2),
             "channels_last": torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)}
    want = {name: tensor.detach() for name, tensor in saved.items()}
    assert_same(load(ops, tmp_path, saved), want)


@pytest.mark.parametrize("saved, message", [
    (lambda: torch.nn.Linear(2, 2), 'holds a whole "Linear", not its weights'),
    (lambda: {"epoch": 3, "weights": {}}, 'no tensors at its top level or under .*keys: "epoch", "weights"'),
    (lambda: {"w": torch.ones(2, dtype=torch.complex64)}, "tensor 'w' is a \"ComplexFloatStorage\""),
    (lambda: {"w": torch.ones(2).to(torch.float8_e4m3fn)}, "tensor 'w' needs \"_rebuild_tensor_v3\""),
    (lambda: {"w": torch.eye(2).to_sparse()}, "tensor 'w' needs \"_rebuild_sparse_tensor\""),
    (lambda: {"w": torch.zeros(1).expand(10**9)}, r"tensor 'w' \[1000000000\] is far larger than its file"),
])
def test_pth_of_something_else(ops, tmp_path, saved, message):
    with pytest.raises(RuntimeError, match="m.pth: " + message):
        load(ops, tmp_path, saved())


def test_pth_before_1_6(ops, tmp_path):
    with pytest.raises(RuntimeError, match="m.pth: saved by PyTorch before 1.6: load and save it again"):
        load(ops, tmp_path, state_dict(), _use_new_zipfile_serialization=False)


def test_code_in_a_pth_does_not_run(ops, tmp_path):
    class Hostile:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    want = state_dict()
    assert_same(load(ops, tmp_path, {"state_dict": want, "args": Hostile()}), want)
    assert not (tmp_path / "executed").exists()


def test_pth_cut_anywhere(ops, tmp_path):
    path = tmp_path / "m.pth"
    torch.save(state_dict(), path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 53):
        path.write_bytes(whole[:size])
        with pytest.raises(RuntimeError, match="m.pth: "):
            ops.load_pth(str(path))


def test_pth_of_a_big_endian_machine(ops, tmp_path):
    path = tmp_path / "m.pth"
    torch.save(state_dict(), path)
    swapped = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(swapped, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, b"big" if entry.endswith("/byteorder") else old.read(entry))
    path.write_bytes(swapped.getvalue())
    with pytest.raises(RuntimeError, match="m.pth: was saved on a big-endian machine"):
        ops.load_pth(str(path))
