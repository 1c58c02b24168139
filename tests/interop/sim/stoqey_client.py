#!/usr/bin/env python3
"""@stoqey/ib 1.6.10 against `ibmesh sim`: starts the simulator and stoqey/client.js, which prints its own checks.

NODE_PATH names the folder that holds the package.
"""

import json
import subprocess
from pathlib import Path

from harness import Sim, failed, finish, told

CLIENT_MAX_S = 240

with Sim("stoqey") as sim:
    script = Path(__file__).resolve().parent / "stoqey" / "client.js"
    ended = subprocess.run(
        ["node", script, sim.host, str(sim.port), sim.control], stdout=subprocess.PIPE, text=True, timeout=CLIENT_MAX_S, check=False
    )
    for line in ended.stdout.splitlines():
        row = json.loads(line)
        told(row["name"], row["problem"])
    if ended.returncode != (1 if failed else 0):
        told("stoqey: runs to its end", f"exit code {ended.returncode}")
finish()
