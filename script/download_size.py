# SPDX-License-Identifier: MIT
"""Prints what pip would download for the given requirements, and its size: a warning before a large download."""
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request

report = subprocess.run(
    [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run", "--report", "-",
     *sys.argv[1:]],
    capture_output=True, text=True, check=True).stdout
total, largest = 0, (0, "")
for package in json.loads(report)["install"]:
    url = package["download_info"]["url"]
    if url.startswith("file:"):
        size = os.path.getsize(urllib.parse.unquote(urllib.parse.urlparse(url).path))
    else:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=20) as answer:
            size = int(answer.headers.get("Content-Length", 0))
    total += size
    largest = max(largest, (size, f"{package['metadata']['name']} {package['metadata']['version']}"))
print(f"{total / 1e6:,.0f} MB to download, {largest[1]} the largest")
if total > 1.5e9:
    print("(a CUDA build; SPIKEMIX_TORCH may name a CPU one, such as torch==2.13.0+cpu with pip's --extra-index-url "
          "set for it)")
