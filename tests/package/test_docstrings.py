# SPDX-License-Identifier: MIT
"""What help() and an editor show: everything public is described, with the arguments that it has, and arrays with their
shapes."""
import importlib
import inspect
import re

import pytest

pytest.importorskip("torch")

MODULES = ["spikemix", "spikemix.data", "spikemix.engine", "spikemix.events", "spikemix.nn", "spikemix.plot",
           "spikemix.training"]


def members(cls):
    """What a class adds to those of others: methods and properties."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("spikemix")]
    others = [base for base in cls.__mro__ if base not in ours]
    for name, value in {name: value for base in ours[::-1] for name, value in vars(base).items()}.items():
        known = any(name in vars(base) for base in others) and name != "forward"
        if not name.startswith("_") and not known and not isinstance(value, type):
            if isinstance(value, (property, classmethod, staticmethod)) or inspect.isfunction(value):
                yield name, value


def public():
    """{name: what has it}: functions and classes, their methods and properties."""
    found = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found[f"{module_name}.{name}"] = thing
            if inspect.isclass(thing):
                found.update({f"{module_name}.{name}.{member}": value for member, value in members(thing)})
    return found


PUBLIC = public()


def function_of(thing):
    """The function whose arguments the docstring is about."""
    if isinstance(thing, property):
        return thing.fget
    return inspect.unwrap(getattr(thing, "__func__", thing.__init__ if inspect.isclass(thing) else thing))


def parameters_of(thing):
    if inspect.isclass(thing) and "__init__" not in vars(thing):
        return {}
    parameters = dict(inspect.signature(function_of(thing)).parameters)
    return {name: parameter for name, parameter in parameters.items() if name not in ("self", "cls")}


def described(text):
    """The names in the section Args."""
    section = re.search(r"^Args:\n((?:    .*\n|\n)*)", inspect.cleandoc(text) + "\n", re.MULTILINE)
    lines = section[1].splitlines() if section else []
    heads = [re.match(r"    (\w+(?:, \w+)*): \S", line) for line in lines if re.match(r"    \S", line)]
    assert all(heads), f"not 'name: what it is': {lines}"
    return [name for head in heads for name in head[1].split(", ")]


@pytest.mark.parametrize("name", PUBLIC)
def test_is_described(name):
    thing = PUBLIC[name]
    text = thing.__doc__
    assert text and text.strip(), "no docstring"
    first = text.strip().split("\n\n")[0]
    assert first.endswith((".", ":")), f"the first paragraph is no sentence: {first!r}"
    parameters, names = parameters_of(thing), described(text)
    assert set(names) <= set(parameters), "describes arguments that are not there"
    # Where there is a list of arguments it has all. `ax` is explained once, at the top of spikemix.plot.
    assert not names or set(parameters) - {"ax"} == set(names), "leaves arguments out"
    arrays = [str(annotation) for annotation in getattr(function_of(thing), "__annotations__", {}).values()
              if re.search(r"\b(ndarray|Floats|Tensor)\b", str(annotation))]
    assert not arrays or re.search(r"\[[^\]]*\]", text), "takes or gives arrays of no shape"


def test_finds_what_is_public():
    """The walk sees functions, classes, methods, properties and class methods."""
    assert {"spikemix.load", "spikemix.events.Reader", "spikemix.engine.Model.step", "spikemix.engine.Stream.steps",
            "spikemix.nn.SpikingTransformer.from_pretrained", "spikemix.data.Pictures.targets"} <= set(PUBLIC)
