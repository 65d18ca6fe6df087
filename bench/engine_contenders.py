"""Who takes turns in engines.py. A contender has a name, turn(), logits(), finish(), which gives {"seconds" of each
turn, "peak_bytes"}, and kill(), which may come at any moment.
"""
import json

from engine_setup import die

DENSE = {"eager-fp32": "PyTorch fp32", "compile-fp32": "torch.compile fp32", "compile-bf16": "torch.compile bf16",
         "ort-fp32": "ONNX Runtime fp32", "ov-fp32": "OpenVINO fp32", "ov-bf16": "OpenVINO bf16",
         "ov-int8": "OpenVINO int8 (NNCF)"}


class Ours:
    """`spikemix bench`, started anew for each turn."""

    def __init__(self, bench, model, precision, threads, batch):
        self.name, self.seconds, self.peak_bytes = f"spikemix {precision}", [], 0
        self.bench, self.batch = bench, batch
        self.common = ["--data", bench.data, "--precision", precision, "--threads", threads, "--json"]
        self.model = model

    def run(self, images):
        return self.bench.program("bench", self.model, "--images", images, "--batch", self.batch, *self.common)

    def turn(self):
        result = self.run(self.bench.images)
        self.seconds.append(result["images"] / result["images_per_second"])
        self.peak_bytes = max(self.peak_bytes, result["peak_memory_mb"] * 2**20)

    def logits(self):
        answer = self.bench.program("predict", "--model", self.model, "--images", self.bench.check, *self.common)
        return [image["logits"] for image in answer]

    def finish(self):
        return {"seconds": self.seconds, "peak_bytes": self.peak_bytes}

    def kill(self):
        pass


class Dense:
    """An engine_worker.py that stays alive."""

    def __init__(self, bench, spec, how, threads, batch):
        self.name, self.seconds = DENSE[how], []
        self.process = bench.worker("run", {**spec, "how": how, "threads": threads, "batch": batch})
        self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            die(f"{self.name} ended with exit code {self.process.wait()}; its message stands above")
        return json.loads(line)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.read()

    def turn(self):
        self.seconds.append(self.ask("turn")["seconds"])

    def logits(self):
        return self.ask("logits")["logits"]

    def finish(self):
        peak = self.ask("memory")["peak_bytes"]
        self.process.stdin.close()
        self.process.wait()
        return {"seconds": self.seconds, "peak_bytes": peak}

    def kill(self):
        self.process.kill()
        self.process.wait()
