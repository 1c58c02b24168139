"""A Docker engine and the images that the shipped files name, made here from Debian's packages.

What is missing is installed. An engine that runs already is used and left running; one that is started here is stopped at the
end. Nothing is taken from an image registry: the tags that the compose files and the Dockerfile name are given to images
made on this machine, unless they are there already.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INSTALL_MAX_S = 600
DEBOOTSTRAP_MAX_S = 900
ENGINE_START_MAX_S = 60
ENGINE_STOP_MAX_S = 60

# Debian's packages first: another `docker` on the PATH may be something else.
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", ""),
    "HOME": os.environ.get("HOME", "/root"),
    "DOCKER_BUILDKIT": "1",
    "COMPOSE_DOCKER_CLI_BUILD": "1",
    "BUILDKIT_PROGRESS": "plain",
    "LC_ALL": "C.UTF-8",
}

DEBIAN = "debian:bookworm-slim"
NATS = "nats:2.14"
HAPROXY = "haproxy:2.6"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def run(*command, timeout, check=True, stdin=None, environment=None):
    """The ended process; its output is part of the error where `check` fails."""
    command = [str(part) for part in command]
    ended = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False, env={**ENVIRONMENT, **(environment or {})}
    )
    if check and ended.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {ended.returncode}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return ended


def install():
    wanted = {"dockerd": "docker.io", "docker-compose": "docker-compose", "debootstrap": "debootstrap", "curl": "curl"}
    missing = [package for program, package in wanted.items() if not shutil.which(program, path=ENVIRONMENT["PATH"])]
    if missing:
        print(f"installing {', '.join(missing)}", flush=True)
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", timeout=INSTALL_MAX_S, environment=environment)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, timeout=INSTALL_MAX_S, environment=environment)


class Engine:
    """A running engine, for as long as the `with` block lasts."""

    def __init__(self):
        self.process = None
        self.log = None

    def answers(self):
        return run("docker", "version", timeout=15, check=False).returncode == 0

    def start(self):
        self.log = self.log or tempfile.NamedTemporaryFile(prefix="dockerd-", suffix=".log", delete=False)
        self.process = subprocess.Popen(["dockerd"], stdout=self.log, stderr=subprocess.STDOUT, env={**os.environ, **ENVIRONMENT})
        deadline = time.monotonic() + ENGINE_START_MAX_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = Path(self.log.name).read_text(errors="replace")[-3000:]
                self.stop()
                sys.exit(f"the Docker engine did not start; it needs root and the rights to make networks\n{said}")
            time.sleep(0.2)

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=ENGINE_STOP_MAX_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self):
        """As a host does that updates its engine."""
        if self.process is None:
            raise AssertionError("the engine of this machine is not restarted by a test: stop it, and one is started here")
        self.stop()
        self.start()

    def __enter__(self):
        if self.answers():
            print("an engine runs already and is used", flush=True)
        else:
            self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.log is not None:
            os.unlink(self.log.name)


def have(image):
    return run("docker", "image", "inspect", image, timeout=30, check=False).returncode == 0


def bases(nats_server):
    """Makes what is missing of the base images."""
    if not have(DEBIAN):
        debian()
    if not have(HAPROXY):
        # Debian's own haproxy, which `debian` has put into the base.
        dockerfile = f'FROM {DEBIAN}\nCMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]\nSTOPSIGNAL SIGUSR1\n'
        run("docker", "build", "-t", HAPROXY, "-", stdin=dockerfile, timeout=INSTALL_MAX_S)
        run("docker", "run", "--rm", HAPROXY, "haproxy", "-v", timeout=60)
    if not have(NATS):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(nats_server, Path(folder) / "nats-server")
            (Path(folder) / "Dockerfile").write_text(
                'FROM scratch\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\nCMD ["--config", "nats-server.conf"]\n'
            )
            run("docker", "build", "-t", NATS, folder, timeout=INSTALL_MAX_S)


def debian():
    print("making the Debian base", flush=True)
    with tempfile.TemporaryDirectory(prefix="base-") as folder:
        root = Path(folder) / "root"
        include = "--include=ca-certificates,haproxy"
        run("debootstrap", "--variant=minbase", include, "bookworm", root, timeout=DEBOOTSTRAP_MAX_S)
        for waste in [*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*_*")]:
            waste.unlink()
        # What this machine trusts, its own authorities included, is what the builds inside trust.
        if CERTIFICATES.is_file():
            shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        archive = Path(folder) / "base.tar"
        run("tar", "--numeric-owner", "-C", root, "-cf", archive, ".", timeout=INSTALL_MAX_S)
        run("docker", "import", "--change", 'CMD ["/bin/bash"]', archive, DEBIAN, timeout=INSTALL_MAX_S)
