# SPDX-License-Identifier: MIT
"""spikemix.nn against its peers on the CPU: medians of interleaved runs, in milliseconds, forward and backward.

    python bench/package_nn.py [--threads N] [--rounds N] [--only NAME] [--cpu-time]

Needs torch; SpikingJelly, ptwt and pytorch_wavelets where they are installed.
"""
import argparse
import platform
import statistics
import time

import torch

import spikemix.nn as sn


def trained(module, x, g):
    """One forward and backward pass."""
    def run():
        inputs = x.detach().requires_grad_()
        module(inputs).backward(g)
    return run


def medians(contenders, rounds, clock):
    """Each in turn, so that other work on the machine affects all of them equally."""
    times = {name: [] for name in contenders}
    for run in contenders.values():
        run(), run()
    for _ in range(rounds):
        for name, run in contenders.items():
            start = clock()
            run()
            times[name].append(1e3 * (clock() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def neurons():
    """LIF, T = 4, of 32 pictures' 64 tokens of 384 channels."""
    from spikingjelly.activation_based import neuron, surrogate
    x, g = torch.randn(4, 32, 64, 384), torch.randn(4, 32, 64, 384)
    node = neuron.LIFNode(tau=2.0, detach_reset=True, surrogate_function=surrogate.Sigmoid(4.0),
                          step_mode="m")

    def spikes(x):  # as in a network: reset before each batch
        node.reset()
        return node(x)

    def multi_step(x):  # the part that torch.compile can take as one graph: the node's own equations, unrolled
        v, out = torch.zeros_like(x[0]), []
        for t in range(4):
            v = v + (x[t] - v) / 2.0
            s = node.surrogate_function(v - 1.0)
            v = (1.0 - s.detach()) * v
            out.append(s)
        return torch.stack(out)
    yield "LIF, T=4, [4, 32, 64, 384]", {
        "spikemix": trained(sn.LIF(), x, g), "SpikingJelly's LIFNode": trained(spikes, x, g),
        "LIFNode, compiled": trained(torch.compile(spikes), x, g),
        "its equations, compiled as one graph": trained(torch.compile(multi_step), x, g),
        "spikemix, compiled": trained(torch.compile(sn.LIF()), x, g)}


def fourier():
    """fft2d over 64 tokens of 384 channels, in both layouts."""
    for layout, shape, dims in [("TBND", (4, 32, 64, 384), (2, 3)), ("TBDN", (4, 32, 384, 64), (2, 3))]:
        x, g = torch.randn(shape), torch.randn(shape)
        transform = sn.Transform("fft2d", dim=384, grid=(8, 8), layout=layout)
        yield f"Transform fft2d, {layout} {list(shape)}", {
            "spikemix": trained(transform, x, g),
            "torch.fft": trained(lambda v: torch.fft.fft2(v, dim=dims).real, x, g)}
        mixer = sn.Mixer("fft2d", dim=384, grid=(8, 8), layout=layout)
        norm, lif = torch.nn.BatchNorm1d(384), sn.LIF()

        def by_torch(v, layout=layout):
            y = torch.fft.fft2(v, dim=dims).real
            rows = y.flatten(0, 2) if layout == "TBND" else y.flatten(0, 1)
            return lif(norm(rows).view(v.shape))
        yield f"Mixer fft2d, {layout} {list(shape)}", {"spikemix": trained(mixer, x, g),
                                                       "torch.fft, same norm and neurons": trained(by_torch, x, g)}


def wavelets():
    """wt2d (Haar, all levels along the tokens and along the channels) of 64 tokens of 384 channels."""
    x, g = torch.randn(4, 32, 64, 384), torch.randn(4, 32, 64, 384)
    contenders = {"spikemix": trained(sn.Transform("wt2d", dim=384, grid=(8, 8), levels=6), x, g)}
    try:
        import ptwt

        def by_ptwt(v):
            for axis in (2, 3):
                v = torch.cat(ptwt.wavedec(v, "haar", mode="zero", level=6, axis=axis), axis)
            return v
        by_ptwt(x)
        contenders["ptwt.wavedec"] = trained(by_ptwt, x, g)
    except (ImportError, ValueError) as error:
        print(f"ptwt: {error}")
    try:
        import pytorch_wavelets
        forward = pytorch_wavelets.DWTForward(J=6, wave="haar", mode="periodization")
        images = x.flatten(0, 1).unsqueeze(1)

        def by_pytorch_wavelets():  # its transform splits both axes at every level, which is less work
            inputs = images.detach().requires_grad_()
            low, high = forward(inputs)
            (low.sum() + sum(part.sum() for part in high)).backward()
        contenders["pytorch_wavelets.DWTForward"] = by_pytorch_wavelets
    except ImportError as error:
        print(f"pytorch_wavelets: {error}")
    yield "Transform wt2d, [4, 32, 64, 384]", contenders


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", choices=["neurons", "fourier", "wavelets"])
    parser.add_argument("--cpu-time", action="store_true",
                        help="the process's, instead of wall-clock time: for a busy machine, with --threads 1")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.machine()} {torch.backends.cpu.get_cpu_capability()}, "
          f"{options.threads} threads, {options.rounds} interleaved rounds, forward and backward, "
          f"{'CPU' if options.cpu_time else 'wall-clock'} time")
    for group in (neurons, fourier, wavelets):
        if options.only not in (None, group.__name__):
            continue
        for title, contenders in group():
            times = medians(contenders, options.rounds, time.process_time if options.cpu_time else time.perf_counter)
            print(title)
            for name, value in times.items():
                print(f"  {name:<36} {value:8.2f} ms   {value / times['spikemix']:5.2f}x")


if __name__ == "__main__":
    main()
