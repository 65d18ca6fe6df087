"""The package where torch is installed."""
import subprocess
import sys


def test_spikemix_leaves_torch_alone():
    subprocess.check_call([sys.executable, "-c", "import spikemix, sys; assert 'torch' not in sys.modules; import torch"])
