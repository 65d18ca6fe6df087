# SPDX-License-Identifier: MIT
"""The contenders of engines.py. Each has a name, turn(), logits(), finish(), which returns {"seconds" of each
turn, "peak_bytes"}, and kill(), which may be called at any moment.
"""
import resource

from compare import Contender

DENSE = {"eager-fp32": "PyTorch fp32", "compile-fp32": "torch.compile fp32", "compile-bf16": "torch.compile bf16",
         "ort-fp32": "ONNX Runtime fp32", "ov-fp32": "OpenVINO fp32", "ov-bf16": "OpenVINO bf16",
         "ov-int8": "OpenVINO int8 (NNCF)"}


def by_cpu(bench):
    """Processor seconds instead of the clock's (twin.py --cpu-seconds)."""
    return getattr(bench.arguments, "cpu_seconds", False)


class Ours:
    """`spikemix bench`, a new process each turn."""

    def __init__(self, bench, model, precision, threads, batch):
        self.name, self.seconds, self.peak_bytes = f"spikemix {precision}", [], 0
        self.bench, self.batch = bench, batch
        self.common = ["--data", bench.data, "--precision", precision, "--threads", threads, "--json"]
        self.model = model

    def run(self, images):
        return self.bench.program("bench", self.model, "--images", images, "--batch", self.batch, *self.common)

    def turn(self):
        if by_cpu(self.bench):  # the cost of a start cancels out in the difference
            self.seconds.append(self.cpu_seconds(self.batch + self.bench.images) - self.cpu_seconds(self.batch))
            return
        result = self.run(self.bench.images)
        self.seconds.append(result["images"] / result["images_per_second"])
        self.peak_bytes = max(self.peak_bytes, result["peak_memory_mb"] * 2**20)

    def cpu_seconds(self, images):
        begin = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = self.run(images)
        self.peak_bytes = max(self.peak_bytes, result["peak_memory_mb"] * 2**20)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime

    def logits(self):
        answer = self.bench.program("predict", "--model", self.model, "--images", self.bench.check, *self.common)
        return [image["logits"] for image in answer]

    def finish(self):
        return {"seconds": self.seconds, "peak_bytes": self.peak_bytes}

    def kill(self):
        pass


class Dense(Contender):
    """An engine_worker.py."""

    def __init__(self, bench, spec, how, threads, batch):
        self.answer = "cpu_seconds" if by_cpu(bench) else "seconds"
        super().__init__(DENSE[how], bench.worker("run", {**spec, "how": how, "threads": threads, "batch": batch}))

    def turn(self):
        self.seconds.append(self.ask("turn")[self.answer])

    def logits(self):
        return self.ask("logits")["logits"]

    def finish(self):
        return {"seconds": self.seconds, "peak_bytes": self.leave()}
