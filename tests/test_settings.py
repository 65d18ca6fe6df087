# SPDX-License-Identifier: MIT
"""A setting that has no effect under the others is refused, naming both keys, before anything is read."""
import pytest

import tiny
from tiny import make_place, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = make_place(tmp_path_factory.mktemp("settings"), train=20, test=10)
    for name in ["maxformer", "qkformer"]:
        (folder / f"{name}.toml").write_text(tiny.RECIPE.replace('mixer = "fft2d"', f'architecture = "{name}"').replace(
            "depth = 2", 'mixer = "dwc3"').replace("embed_dim = 32", "embed_dim = 64"))
    return folder


EVENTS = ["model.input=events", "model.channels=2"]
NOTHING = [
    (["neuron.levels=6"], "neuron.kind = lif"),
    (["neuron.levels=4"], "neuron.kind = lif"),  # its default, which is a setting all the same
    (["neuron.tau=1.5", "neuron.kind=if"], "neuron.kind = if"),
    (["neuron.v_threshold=0.5", "neuron.kind=relu", "model.T=1"], "neuron.kind = relu"),
    (["neuron.surrogate=arctan", "neuron.kind=integer", "model.stream=membrane"], "neuron.kind = integer"),
    (["neuron.reset=soft", "neuron.kind=integer", "model.stream=membrane"], "neuron.kind = integer"),
    (["train.identity_start=true", "model.stem=conv1"], "model.stem = conv1"),
    (["train.momentum=0.9"], "train.optimizer = adamw"),
    (["train.warmup_lr=1e-3", "train.warmup_epochs=0"], "train.warmup_epochs = 0"),
    (["train.one_step_epochs=1", "model.T=1"], "model.T = 1"),
    (["model.patch=4"], "model.stem = conv4"),
    (["model.stem_channels=4,8,16,32", "model.stem=conv2"], "model.stem = conv2"),
    (["model.pool=0,0,1,1", "model.stem=conv1", "model.patch=4"], "model.patch = 4"),
    (["model.pool_before_neuron=true", "model.stem=conv1"], "model.stem = conv1"),
    (["model.pool_before_neuron=true", "model.pool=0,0,0,0"], "model.pool = 0,0,0,0"),
    (["model.depth=3", "model.depths=2"], "model.depths = 2"),
    *[([f"augment.{key}={value}"], "model.input = image") for key, value in
      [("roll", 5), ("rotate", 15), ("shear", 15), ("cutout", 8), ("scale", 0.1), ("event_drop", 0.1),
       ("polarity_flip", 0.5), ("time_jitter", 10)]],
    *[([f"data.{setting}"], "model.input = image")
      for setting in ["frames=time", "frame_values=binary", "sensor=34x34", "time_unit=ms"]],
    (["--size", "34x34"], "model.input = image"),
    (["--time-unit", "ms"], "model.input = image"),
    *[([f"augment.{setting}", *EVENTS], "model.input = events")
      for setting in ["crop_padding=4", "randaugment_magnitude=9", "erase_probability=0.25"]],
    (["data.mean=0.5,0.5", *EVENTS], "model.input = events"),
    (["augment.randaugment_ops=2", "augment.randaugment_magnitude=0"], "augment.randaugment_magnitude = 0"),
    (["augment.switch_prob=0.2"], "augment.cutmix = 0"),
    (["augment.mixup_off_epoch=3", "augment.mixup=0"], "augment.mixup = augment.cutmix = 0"),
]


def train(spikemix, place, recipe, *settings):
    return run(spikemix, "train", recipe, "--data", "nowhere", "--out", "none", *settings, cwd=place)


@pytest.mark.parametrize("settings, other", NOTHING, ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_refused(spikemix, place, settings, other):
    result = train(spikemix, place, "tiny.toml", *settings)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
    assert f"{settings[0].split('=')[0].replace('--size', 'data.sensor').replace('--time-unit', 'data.time_unit')}=" \
        in result.stderr and f"changes nothing with {other};" in result.stderr, result.stderr


@pytest.mark.parametrize("recipe", ["maxformer", "qkformer"])
@pytest.mark.parametrize("setting", ["model.depth=3", "model.stem=conv2", "model.patch=4", "model.pool=1,1,0,0",
                                     "model.stem_channels=8,16,32,64", "model.pool_before_neuron=true"])
def test_settings_of_another_architecture(spikemix, place, recipe, setting):
    result = train(spikemix, place, f"{recipe}.toml", setting)
    assert result.returncode == 2 and f"{setting}: changes nothing with model.architecture = {recipe};" in result.stderr


@pytest.mark.parametrize("settings", [
    ["neuron.levels=6", "neuron.kind=integer", "model.stream=membrane"],
    ["neuron.surrogate=arctan", "neuron.kind=integer", "model.stream=membrane", "model.mixer=ssa"],
    ["neuron.tau=1.5"], ["neuron.v_reset=-0.25", "neuron.reset=soft"],
    ["train.identity_start=true"], ["train.identity_start=true", "model.stem=conv2"],
    ["train.identity_start=false", "model.stem=conv1"], ["augment.roll=0"], ["model.patch=0"],  # off is off
    ["train.momentum=0.9", "train.optimizer=muon"], ["model.pool=0,1,0,1", "model.stem=conv1"],
    ["augment.roll=5", "model.input=events", "model.channels=2", "augment.crop_padding=0"],
    ["augment.switch_prob=0.2", "augment.cutmix=1"], ["model.mixer=wt2d", "model.wavelet=db2", "model.levels=1"],
    ["model.mixer=gated:transform=wt2d", "model.wavelet=db2"], ["model.mixer=ssa", "model.ssa_scale=1"],
], ids=" ".join)
def test_settings_with_an_effect_are_accepted(spikemix, place, settings):
    result = train(spikemix, place, "tiny.toml", *settings)
    assert "changes nothing" not in result.stderr and "nowhere" in result.stderr, result.stderr


@pytest.mark.parametrize("settings, mixer", [
    (["model.wavelet=db2"], "fft2d"), (["model.levels=2"], "fft2d"), (["model.heads=8"], "fft2d"),
    (["model.ssa_scale=0.25"], "fft2d"), (["model.alternate=true", "model.mixer=ssa"], "ssa"),
    (["model.wavelet=db2", "model.mixer=wt2d:wavelet=haar"], "wt2d:wavelet=haar"),
    (["model.levels=1", "model.mixer=gated:transform=fft2d"], "gated:transform=fft2d")], ids=str)
def test_options_of_other_mixers_are_reported(spikemix, place, settings, mixer):
    """A loop over mixers gives all of them the same settings."""
    result = train(spikemix, place, "tiny.toml", *settings)
    assert f"{settings[0]}: changes nothing with model.mixer = {mixer}\n" in result.stderr, result.stderr
    assert "nowhere" in result.stderr.splitlines()[-1], "it went on"


def sweep(spikemix, place, overrides, grid):
    (place / "sweep.toml").write_text(f'recipe = "tiny.toml"\noverrides = {overrides}\n[grid]\n{grid}\n')
    return run(spikemix, "sweep", "sweep.toml", "--dry-run", cwd=place)


def test_a_sweep_may_set_what_only_some_of_its_runs_read(spikemix, place):
    kinds = '"neuron.kind" = ["lif", "integer"]'
    both = sweep(spikemix, place, ["neuron.levels=6", "model.stream=membrane"], kinds)
    assert both.returncode == 0 and both.stderr == "" and len(both.stdout.splitlines()) == 2, both.stderr
    axis = sweep(spikemix, place, ["model.stream=membrane"], kinds + '\n"neuron.levels" = [2, 6]')
    assert axis.returncode == 0 and len(axis.stdout.splitlines()) == 4, axis.stderr
    none = sweep(spikemix, place, ["neuron.levels=6"], '"neuron.kind" = ["lif", "plif"]')
    assert none.returncode == 2 and "neuron.levels=6: changes nothing with neuron.kind = " in none.stderr


def test_runs_of_a_sweep_accept_what_the_sweep_has_checked(spikemix, place):
    (place / "kinds.toml").write_text('recipe = "tiny.toml"\ndata = "data"\noverrides = ["neuron.levels=6", '
                                      '"model.stream=membrane", "train.epochs=1"]\n[grid]\n'
                                      '"neuron.kind" = ["lif", "integer"]\n')
    result = run(spikemix, "sweep", "kinds.toml", cwd=place)
    assert result.returncode == 0, result.stderr


def test_the_programs_recipes_pass(spikemix, place):
    """A recipe's own settings may have no effect until the user changes others."""
    for line in run(spikemix, "recipes").stdout.splitlines():
        result = train(spikemix, place, line.split()[0])
        assert "changes nothing" not in result.stderr, result.stderr
