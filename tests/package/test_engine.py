# SPDX-License-Identifier: MIT
"""spikemix.load and what it returns: the program's answers, to the bit, and one clear error for anything invalid."""
import concurrent.futures
import gc
import json
import os
import pathlib
import pickle
import subprocess
import threading

import numpy as np
import pytest

import spikemix

from made import some_pixels, write_ppm
from places import CORPUS, SOURCE

TINY = CORPUS / "model" / "fp32.safetensors"


@pytest.fixture(scope="module")
def model():
    return spikemix.load()


@pytest.fixture(scope="module")
def x(model):
    return model.preprocess(some_pixels(9, 32, 32, 3))


@pytest.fixture
def tiny():
    return spikemix.load(TINY)


@pytest.fixture(scope="module")
def spiking():
    """A tiny model of two time steps whose layers all fire, and pictures for it."""
    file = bytearray(TINY.read_bytes())
    start, rng = 8 + int.from_bytes(file[:8], "little"), np.random.default_rng(0)
    for name, tensor in json.loads(file[8:start]).items():
        if name == "__metadata__" or tensor["dtype"] != "F32":
            continue
        values = rng.normal(0.3, 1, tensor["shape"])
        if name.endswith("running_var"):
            values[...] = 0.1
        first, last = (start + offset for offset in tensor["data_offsets"])
        file[first:last] = values.astype("<f4").tobytes()
    model = spikemix.load(bytes(file))
    return model, model.preprocess(some_pixels(9, 16, 16, 1))


def run(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("size", [(32, 32, 3), (50, 41, 3), (20, 64, 1)])
def test_bits_equal_the_programs(model, program, tmp_path, size):
    pixels = some_pixels(*size)
    file = write_ppm(tmp_path / "a.ppm", pixels)
    answer = json.loads(run(program, "predict", "--json", file))[0]
    for given in (pixels, file, str(file)):
        logits = model(model.preprocess(given))
        assert logits.dtype == np.float32 and logits.tolist() == answer["logits"]
    (label, probability), = model.predict(pixels, top=1)
    assert (label, probability) == (answer["label"], answer["probability"])


@pytest.mark.parametrize("precision", ["fp32", "int16", "int8"])
def test_precisions(program, tmp_path, precision):
    file = write_ppm(tmp_path / "a.ppm", some_pixels(16, 16, 1))
    answer = json.loads(run(program, "predict", "--json", "--precision", precision, "--model", TINY, file))[0]
    model = spikemix.load(TINY, precision=precision)
    assert model.precision == precision
    assert model(model.preprocess(file)).tolist() == answer["logits"]


def test_run_and_hugging_face_folders(tmp_path, tiny):
    x = tiny.preprocess(some_pixels(3, 16, 16, 1))
    (tmp_path / "run" / "best").mkdir(parents=True)
    (tmp_path / "run" / "best" / "model.safetensors").write_bytes(TINY.read_bytes())
    tiny.save(tmp_path / "face")
    assert sorted(path.name for path in (tmp_path / "face").iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((tmp_path / "face" / "config.json").read_text()) == tiny.card
    for path in (tmp_path / "run", tmp_path / "face", str(tmp_path / "face" / "model.safetensors")):
        assert np.array_equal(spikemix.load(path)(x), tiny(x))


def test_batches_threads_and_leading_axes(model, x):
    expected = model(x)
    assert expected.shape == (9, 10)
    assert np.array_equal(spikemix.load(threads=2)(x), expected)
    assert np.array_equal(np.stack([model(one) for one in x]), expected)
    assert np.array_equal(model(x.reshape(3, 3, 3, 32, 32)), expected.reshape(3, 3, 10))
    assert model(x[:0]).shape == (0, 10)
    assert np.array_equal(model(x[::2]), expected[::2])
    assert np.array_equal(model(x.astype(np.float64)), expected)
    assert np.array_equal(model(memoryview(x)), expected)
    assert np.array_equal(model(x.astype(">f4")), expected)

    class Exporter:
        def __dlpack__(self, **arguments):
            return x.__dlpack__(**arguments)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    assert np.array_equal(model(Exporter()), expected)
    assert np.shares_memory(model._inputs(Exporter(), model.input_shape, "x")[0], x)


def test_many_python_threads(model, x):
    expected = model(x)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for logits in pool.map(model, [x] * 24):
            assert np.array_equal(logits, expected)


def test_the_gil_is_free(model, x):
    counted, done = [0], threading.Event()

    def count():
        while not done.is_set():
            counted[0] += 1

    counter = threading.Thread(target=count)
    counter.start()
    many = np.tile(x, (20, 1, 1, 1))
    before = counted[0]
    model(many)
    after = counted[0]
    done.set()
    counter.join()
    assert after - before > 1000


def test_child_processes():
    """A fork does not copy threads."""
    model = spikemix.load(TINY, threads=2)
    x = model.preprocess(some_pixels(5, 16, 16, 1))
    expected, stepped = model(x), model.step(x[0])
    child = os.fork()
    if child == 0:
        good = np.array_equal(model(x), expected) and np.array_equal(model.step(x[0]), stepped)
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(pickle.loads(pickle.dumps(model))(x), expected)


def test_steps(spiking):
    model, x = spiking
    whole = model(x[:2])
    stream = model.stream()
    for _ in range(2):
        model.reset()
        for t in range(model.time_steps):
            first, second = model.step(x[0]), stream.step(x[1])
            assert stream.steps == t + 1
        assert np.array_equal(first, whole[0]) and np.array_equal(second, whole[1])
        potentials, threshold = stream.membranes()["block.0.mlp.fc1"]
        assert potentials.shape == (16, 8) and (potentials < threshold).all() and potentials.any()
        stream.reset()
        assert stream.steps == 0 and not stream.membranes()["block.0.mlp.fc1"][0].any()


def test_integer_neurons_count_from_a_half(model, x):
    stream = model.stream()
    stream.step(x[0])
    potentials, threshold = stream.membranes()["block.0.mlp.fc1_lif"]
    assert threshold == 0.5 and potentials.shape == (64, 224) and (potentials < threshold).mean() > 0.99


def test_recordings(spiking):
    model, x = spiking
    with model.record() as spikes:
        logits = model(x[:3])
    assert np.array_equal(logits, model(x[:3]))
    fc1 = spikes["block.0.mlp.fc1"]
    assert fc1.dtype == np.uint8 and fc1.shape == (2, 3, 16, 8) and set(np.unique(fc1)) == {0, 1}
    assert list(spikes)[0] == "patch_embed.proj_conv" and "block.0.mlp.fc1: uint8 [2, 3, 16, 8]" in \
        repr(spikes).replace("'", "")
    np.testing.assert_allclose(spikes.rates()["block.0.mlp.fc1"], fc1.mean(axis=(1, 2, 3)))
    with model.record("*.fc1") as some, model.record(["block.0.*"]) as inner:
        for one in x[:3]:
            model(one)
    assert list(some) == [] and all(name.startswith("block.0.") for name in inner)
    assert np.array_equal(inner["block.0.mlp.fc1"], fc1)  # with several calls, their images are in a row
    with model.record("*.fc?") as stepped:
        stream = model.stream()
        for _ in range(2):
            stream.step(x[1])
    assert list(stepped) == ["block.0.mlp.fc1", "block.0.mlp.fc2"]
    assert np.array_equal(stepped["block.0.mlp.fc1"], fc1[:, 1])
    with model.record(potentials=True):
        with pytest.raises(ValueError, match="a call and a step"):
            model(x), stream.step(x[0])
    with pytest.raises(spikemix.InputError, match='"fc9" fits none; there are patch_embed.proj_conv, '):
        with model.record("fc9"):
            model(x)


def test_recordings_belong_to_their_thread(model, x):
    with model.record("*.fc1*") as spikes:
        thread = threading.Thread(target=model, args=(x,))
        thread.start()
        thread.join()
    assert len(spikes) == 0


def test_save_and_export(program, tmp_path):
    model = spikemix.load(TINY, precision="int16")
    from_memory = spikemix.load(TINY.read_bytes())
    x = model.preprocess(some_pixels(4, 16, 16, 1))
    for source, name in ((model, "a"), (from_memory, "b")):
        source.save(tmp_path / f"{name}.safetensors")
        assert np.array_equal(spikemix.load(tmp_path / f"{name}.safetensors")(x), from_memory(x))
        assert source.export(tmp_path / f"{name}8.safetensors") == {}
        run(program, "export", TINY, "-o", tmp_path / "program.safetensors")
        assert (tmp_path / f"{name}8.safetensors").read_bytes() == (tmp_path / "program.safetensors").read_bytes()
    shares = model.export(tmp_path / "c.safetensors", calibrate=x, tolerance=-1.0)
    assert "block.0.mlp.fc1" in shares and all(0 <= share <= 1 for share in shares.values())
    small = spikemix.load(tmp_path / "c.safetensors")
    assert small.precision == "int8"  # all layers get all bits, which makes another file
    assert (tmp_path / "c.safetensors").read_bytes() != (tmp_path / "a8.safetensors").read_bytes()
    with pytest.raises(spikemix.InputError, match="integers already"):
        small.export(tmp_path / "d.safetensors")
    with pytest.raises(spikemix.InputError, match="name another file"):
        spikemix.load(tmp_path / "a.safetensors").export(tmp_path / "a.safetensors")


@pytest.mark.parametrize("folder", [".", "best", "new/deeper"])
def test_a_model_is_not_saved_into_a_run(tmp_path, tiny, folder):
    for file in ("config.json", "metrics.jsonl"):
        (tmp_path / file).write_text("{}\n")
    with pytest.raises(spikemix.InputError, match="belongs to the run"):
        tiny.save(tmp_path / folder)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["config.json", "metrics.jsonl"]
    assert (tmp_path / "config.json").read_text() == "{}\n"
    tiny.save(tmp_path / "small.safetensors")  # a file of its own


def test_what_a_model_says_about_itself(model, tiny):
    assert model.labels[3] == "cat" and tiny.labels[3] == "3"
    assert model.card["model"]["embed_dim"] == 224 and model.card["name"] in repr(model)
    assert (model.input_shape, model.time_steps, model.threads) == ((3, 32, 32), 1, 1)
    model.card["model"].clear()  # a copy
    assert model.card["model"]


def test_pictures_of_all_kinds(model):
    rgb, grey = some_pixels(40, 33, 3), some_pixels(32, 32)
    several = model.preprocess([rgb, grey, grey[..., None]])
    assert several.shape == (3, 3, 32, 32)
    assert np.array_equal(several[0], model.preprocess(rgb)) and np.array_equal(several[1], several[2])
    assert model.preprocess([]).shape == (0, 3, 32, 32)
    assert [len(answer) for answer in model.predict([rgb, grey], top=2)] == [2, 2]


@pytest.mark.parametrize("call, error, text", [
    (lambda m: spikemix.load("/nowhere"), FileNotFoundError, "no such model file or folder: '/nowhere'"),
    (lambda m: spikemix.load(SOURCE / "README.md"), spikemix.InputError, "is it a safetensors file"),
    (lambda m: spikemix.load(SOURCE / "docs"), spikemix.InputError, "holds no best/model.safetensors"),
    (lambda m: spikemix.load(b""), spikemix.InputError, "model in memory"),
    (lambda m: spikemix.load(TINY, precision="int4"), spikemix.InputError, "did you mean 'int8'"),
    (lambda m: spikemix.load(precision="int16"), spikemix.InputError, "weights are int8 already"),
    (lambda m: spikemix.load(threads=-1), spikemix.InputError, "threads = -1"),
    (lambda m: spikemix.load(threads=5000), spikemix.InputError, "threads = 5000"),
    (lambda m: spikemix.load(threads="two"), TypeError, "'str'"),
    (lambda m: m(np.zeros((3, 32, 31), np.float32)), ValueError, r"x: shape \[3, 32, 31\]; expected \[..., 3, 32, 32"),
    (lambda m: m(np.zeros((32,), np.float32)), ValueError, r"x: shape \[32\]"),
    (lambda m: m(np.zeros((3, 32, 32), np.uint8)), ValueError, "x: uint8; expected float32 .model.preprocess"),
    (lambda m: m(np.zeros((3, 32, 32), complex)), ValueError, "x: complex128; expected float32"),
    (lambda m: m("cat.jpg"), ValueError, "x: a str is not an array"),
    (lambda m: m(None), ValueError, "x: a NoneType is not an array"),
    (lambda m: m([[1.0], [1.0, 2.0]]), ValueError, "x: a list is not an array"),
    (lambda m: m.step(np.zeros((1, 3, 32, 32), np.float32)), ValueError, "one frame a step"),
    (lambda m: m.preprocess(np.zeros((32, 32, 4), np.uint8)), ValueError, r"\[32, 32, 4\]; expected \[H, W, 3\]"),
    (lambda m: m.preprocess(np.zeros((0, 32, 3), np.uint8)), ValueError, r"\[0, 32, 3\]"),
    (lambda m: m.preprocess(np.zeros((32, 32, 3))), ValueError, "float64 pixels; expected uint8"),
    (lambda m: m.preprocess([np.zeros((1, 2, 2, 3), np.uint8)]), ValueError, r"x\[0\]: several pictures"),
    (lambda m: m.preprocess("/nowhere.jpg"), FileNotFoundError, "no such picture: '/nowhere.jpg'"),
    (lambda m: m.preprocess(SOURCE / "README.md"), spikemix.InputError, "it begins with"),
    (lambda m: m.predict(np.zeros((2, 2, 3), np.uint8), top=0), ValueError, "top=0"),
    (lambda m: m.save("/proc/no/model.safetensors"), (spikemix.InputError, spikemix.RunError), "/proc/no"),
    (lambda m: m.export("model.bin"), spikemix.InputError, "ends in .safetensors"),
    (lambda m: m.export("m.safetensors", "fp32"), spikemix.InputError, 'expected "int8" or "int16"'),
])
def test_errors(model, call, error, text):
    with pytest.raises(error, match=text) as raised:
        call(model)
    assert "\n" not in str(raised.value)


def test_a_mixer_over_time_cannot_stream(tmp_path, tiny):
    card = tiny.card
    card["model"]["mixer"] = ["hadamard:axes=time"]
    (tmp_path / "config.json").write_text(json.dumps(card))
    header_size = int.from_bytes(TINY.read_bytes()[:8], "little")
    header = json.loads(TINY.read_bytes()[8:8 + header_size])
    header["__metadata__"] = {"format": "pt"}
    text = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(
        len(text).to_bytes(8, "little") + text + TINY.read_bytes()[8 + header_size:])
    model = spikemix.load(tmp_path)
    with pytest.raises(ValueError, match="cannot stream"):
        model.step(np.zeros(model.input_shape, np.float32))


@pytest.mark.parametrize("file", sorted(TINY.parent.glob("*.safetensors")), ids=lambda file: file.stem)
def test_damaged_files(file):
    """Each is either refused with a ValueError, or runs."""
    rng, whole, refused = np.random.default_rng(0), file.read_bytes(), 0
    header = int.from_bytes(whole[:8], "little")
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(0, 8 + header if rng.random() < 0.7 else len(whole), rng.integers(1, 4)):
            damaged[place] = rng.choice([0, 1, 0x7f, 0x80, 0xff, *b'9-"[}e', rng.integers(256)])
        if rng.random() < 0.1:
            del damaged[rng.integers(len(damaged)):]
        try:
            model = spikemix.load(bytes(damaged))
            assert model(np.ones((1, *model.input_shape), np.float32)).shape == (1, len(model.labels))
        except ValueError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1
    assert 100 < refused < 400


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_a_models_memory_is_freed():
    def load(times):
        for _ in range(times):
            model = spikemix.load(TINY)
            x = np.zeros((1, 1, 16, 16), np.float32)
            model(x), model.step(x[0])
            with model.record():
                model(x)
            with pytest.raises(ValueError):
                model(x[0, 0])
            with pytest.raises(ValueError):
                spikemix.load(b"no model")
        gc.collect()

    load(50)
    before = resident_bytes()
    load(400)
    assert resident_bytes() - before < 400 * 2000
