"""Pinned foreign programs, each set in a folder of its own outside the checkout, kept for the next run."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

INSTALL_MAX_S = 600


def kept(name, pins, install):
    """A folder per set of pins."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(b"".join(pins) + sys.version.encode()).hexdigest()[:12]
    folder = cache / "ib-mesh-ci" / f"{name}-{key}"
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing {name}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        complete.touch()
    return folder


def python_with(name, requirements, alone=()):
    """The Python of a venv with the packages that a file pins; those of `alone` without what they ask for."""

    def install(folder):
        venv.create(folder, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", requirements], check=True, timeout=INSTALL_MAX_S)
        if alone:
            subprocess.run([*pip, "--no-deps", "--ignore-requires-python", *alone], check=True, timeout=INSTALL_MAX_S)

    return kept(name, [requirements.read_bytes(), *(one.encode() for one in alone)], install) / "bin" / "python"


def node_modules(name, source, built=()):
    """The modules of the package-lock.json in `source`. Only those of `built` run their install scripts."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"needs {' and '.join(missing)}")
    files = [Path(source) / file for file in ("package.json", "package-lock.json")]

    def install(folder):
        for file in files:
            shutil.copy(file, folder)
        npm = {"cwd": folder, "check": True, "timeout": INSTALL_MAX_S}
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], **npm)
        if built:
            subprocess.run(["npm", "rebuild", "--silent", *built], **npm)

    return kept(name, [file.read_bytes() for file in files], install) / "node_modules"
