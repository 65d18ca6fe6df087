# SPDX-License-Identifier: MIT
"""The package with torch installed."""
import subprocess
import sys


def test_spikemix_leaves_torch_alone():
    code = "import spikemix, sys; assert 'torch' not in sys.modules; import torch"
    subprocess.check_call([sys.executable, "-c", code])
