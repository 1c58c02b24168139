"""A Docker engine and the images that the shipped files name, made here from Debian's packages.

What is missing is installed. An engine that runs already is used and left running; one that is started here is stopped at the
end. Nothing is taken from an image registry: the tags that the compose files and the Dockerfile name are given to images
made on this machine, unless they are there already.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What all compose projects of the checks begin with.
PROJECT = "ib-mesh-ci"
LABEL = "com.docker.compose.project"
# Outside the checkout: the next run on this machine is warm.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ib-mesh-ci"
PID_FILE = Path("/run/ib-mesh-ci/dockerd.pid")
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
RUST = "rust:1.95-bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def run(*command, timeout, check=True, stdin=None, environment=None, cwd=None):
    """The ended process; its output is part of the error where `check` fails."""
    command = [str(part) for part in command]
    settings = {"input": stdin, "cwd": cwd, "env": {**ENVIRONMENT, **(environment or {})}}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **settings)
    if check and ended.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {ended.returncode}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return ended


def install():
    wanted = {"dockerd": "docker.io", "docker": "docker.io", "docker-compose": "docker-compose", "debootstrap": "debootstrap", "curl": "curl", "jq": "jq"}
    missing = sorted({package for program, package in wanted.items() if not shutil.which(program, path=ENVIRONMENT["PATH"])})
    if missing:
        print(f"installing {', '.join(missing)}", flush=True)
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", timeout=INSTALL_MAX_S, environment=environment)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, timeout=INSTALL_MAX_S, environment=environment)


class Engine:
    """A running engine, for as long as the `with` block lasts.

    One that runs already is used and left running, but one that an earlier run of ours has left is ended like our own. The
    one that Debian's package starts where systemd runs is restarted by systemd, and only while nothing but ours runs on it.
    """

    def __init__(self):
        self.log = CACHE / "dockerd.log"
        self.is_ours = False
        self.lock = None

    def answers(self):
        return run("docker", "version", timeout=15, check=False).returncode == 0

    def pid(self):
        """Of the engine that we have started, in this run or in one that died."""
        try:
            pid = int(PID_FILE.read_text())
            return pid if "dockerd" in Path(f"/proc/{pid}/cmdline").read_text() else None
        except (OSError, ValueError):
            return None

    def start(self):
        PID_FILE.parent.mkdir(parents=True, exist_ok=True)
        self.is_ours = True
        with self.log.open("w") as log:
            # A session of its own: an interrupt at the terminal ends the checks, and they end the engine.
            command = ["dockerd", "--pidfile", PID_FILE]
            started = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **ENVIRONMENT}, start_new_session=True)
        deadline = time.monotonic() + ENGINE_START_MAX_S
        while not self.answers():
            if started.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = self.log.read_text(errors="replace")[-3000:]
                sys.exit(f"the Docker engine did not start; it needs root and the rights to make networks\n{said}")
            time.sleep(0.2)

    def stop(self):
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + ENGINE_STOP_MAX_S
        while self.is_running(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.1)

    @staticmethod
    def is_running(pid):
        """A child that has ended is reaped here."""
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
        try:
            # Of one that has ended and that nobody reaps, nothing is left but its number.
            return bool(Path(f"/proc/{pid}/cmdline").read_text())
        except OSError:
            return False

    def restart(self):
        """As a host does that updates its engine."""
        if self.is_ours:
            self.stop()
            self.start()
            return
        running = run("docker", "ps", "--format", f'{{{{.Names}}}} {{{{.Label "{LABEL}"}}}}', timeout=30).stdout.splitlines()
        others = [line for line in running if PROJECT not in line]
        if others:
            raise AssertionError(f"the engine of this machine is not restarted under containers of others: {others}")
        run("systemctl", "restart", "docker", timeout=ENGINE_STOP_MAX_S + ENGINE_START_MAX_S)

    def __enter__(self):
        CACHE.mkdir(parents=True, exist_ok=True)
        # Two runs at once would end each other's engine and stacks. Held until this process ends.
        self.lock = (CACHE / "docker.lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("another run of tests/docker is under way on this machine")
        if not self.answers():
            self.start()
        elif self.pid() is not None:
            print("the engine of an earlier run is used, and ended at the end", flush=True)
            self.is_ours = True
        else:
            print("an engine runs already and is used", flush=True)
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.is_ours:
            self.stop()


def clean():
    """Ends what a run of ours that died has left: all of it has this project's label or name."""
    for kind, listed, removed in [
        ("container", ["ls", "-a", "--format", f'{{{{.ID}}}} {{{{.Names}}}} {{{{.Label "{LABEL}"}}}}'], ["rm", "-f", "-v"]),
        ("network", ["ls", "--format", f'{{{{.ID}}}} {{{{.Name}}}} {{{{.Label "{LABEL}"}}}}'], ["rm"]),
        ("volume", ["ls", "--format", f'{{{{.Name}}}} {{{{.Label "{LABEL}"}}}}'], ["rm", "-f"]),
    ]:
        lines = run("docker", kind, *listed, timeout=60).stdout.splitlines()
        for found in [line.split()[0] for line in lines if PROJECT in line]:
            if kind == "network":
                # The end of a container may still be on its way to its network.
                ends = run("docker", "network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", found, timeout=60).stdout.split()
                for end in ends:
                    run("docker", "network", "disconnect", "-f", found, end, timeout=60, check=False)
            run("docker", kind, *removed, found, timeout=INSTALL_MAX_S)


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
    """Debian with what the images made here need of it."""
    imported(DEBIAN, ["ca-certificates", "haproxy"])


def rust():
    """What the Dockerfile's builder stage begins with: Debian, a C compiler, and this machine's Rust."""
    if have(RUST):
        return
    compiler = f"{PROJECT}/compiler:bookworm"
    imported(compiler, ["ca-certificates", "gcc", "libc6-dev", "make"])
    toolchain = Path(run("rustc", "--print", "sysroot", timeout=30, environment={"PATH": os.environ["PATH"]}).stdout.strip())
    with tempfile.TemporaryDirectory(prefix="rust-", dir=CACHE) as folder:
        for part in ["bin", "lib"]:
            run("cp", "-a", toolchain / part, folder, timeout=INSTALL_MAX_S)
        (Path(folder) / "Dockerfile").write_text(f"FROM {compiler}\nCOPY bin /usr/local/bin\nCOPY lib /usr/local/lib\n")
        run("docker", "build", "-t", RUST, folder, timeout=INSTALL_MAX_S)
    run("docker", "run", "--rm", RUST, "cargo", "--version", timeout=60)


def imported(name, packages):
    """A Debian with these packages as an image of this name; its archive is kept."""
    archive = CACHE / f"bookworm-{'-'.join(packages)}.tar"
    if not archive.is_file():
        print(f"making a Debian with {', '.join(packages)}", flush=True)
        with tempfile.TemporaryDirectory(prefix="base-") as folder:
            root = Path(folder) / "root"
            run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", "bookworm", root, timeout=DEBOOTSTRAP_MAX_S)
            for waste in [*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*_*")]:
                waste.unlink()
            # What this machine trusts, its own authorities included, is what the builds inside trust.
            if CERTIFICATES.is_file():
                shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
            unfinished = archive.with_suffix(".part")
            run("tar", "--numeric-owner", "-C", root, "-cf", unfinished, ".", timeout=INSTALL_MAX_S)
            unfinished.rename(archive)
    run("docker", "import", "--change", 'CMD ["/bin/bash"]', archive, name, timeout=INSTALL_MAX_S)
