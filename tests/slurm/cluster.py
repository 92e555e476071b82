"""A Slurm cluster of one node, for the tests: without root, systemd or anything in /etc."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PACKAGES = "slurmctld slurmd slurm-client munge"
PROGRAMS = ("slurmctld", "slurmd", "squeue", "sbatch", "munged")
PATH = f"{os.environ['PATH']}:/usr/sbin"

# Loopback only. MinJobAge keeps ended jobs for squeue, as there is no accounting.
CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
MinJobAge=300
KillWait=2
OverTimeLimit=0
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdParameters=config_overrides
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory={memory_mb} State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=tests Nodes={host} Default=YES MaxTime=60 DefaultTime=10 State=UP PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=60 DefaultTime=10 State=UP PriorityTier=2
"""


class ClusterError(Exception):
    """A cluster that cannot be started, with the reason for a person."""


@dataclass
class Cluster:
    """A running cluster: the environment in which its commands find it."""

    environment: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Run one of Slurm's commands and return what it prints."""
        return subprocess.run(
            arguments, env=self.environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    def jobs(self) -> dict[str, str]:
        """Return the comment of each job that runs, which names its rule, by id."""
        lines = self.command("squeue", "--noheader", "--states=R", "--format=%A %k").splitlines()
        return dict(line.split(maxsplit=1) for line in lines)


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster whose files are in a folder of a short path; stop what was started.

    Raises ClusterError if Slurm is not installed or does not come up.
    """
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if missing:
        raise ClusterError(
            f"{', '.join(missing)} cannot be found: install the Debian packages {PACKAGES}"
        )
    environment = write_files(folder)
    host = socket.gethostname().split(".")[0]
    daemons = [
        subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        for command, log in (
            (munged(folder), (folder / "munged.out").open("w")),
            (["slurmctld", "-D"], (folder / "slurmctld.out").open("w")),
            (["slurmd", "-D", "-N", host], (folder / "slurmd.out").open("w")),
        )
    ]
    try:
        cluster = Cluster(environment)
        wait_until_idle(cluster, folder)
        yield cluster
        with suppress(subprocess.SubprocessError):
            cluster.command("scancel", "--user", getpass.getuser())
            wait_until_empty(cluster)
    finally:
        for daemon in reversed(daemons):
            stop(daemon)


def munged(folder: Path) -> list[str]:
    """Return the command of the daemon that authenticates the others."""
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge/{name}" for option, name in files.items()]
    return ["munged", "--foreground", "--force", *options, f"--log-file={folder}/munge/log"]


def write_files(folder: Path) -> dict[str, str]:
    """Write the configuration; return the environment that points to it."""
    for name in ("state", "spool", "munge", "bin"):
        (folder / name).mkdir()
    (folder / "munge").chmod(0o711)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            ports=free_ports(),
            memory_mb=memory_mb,
        )
    )
    # Debian 12's Slurm knows no "disabled"; without a plugin for tasks neither is used.
    version = subprocess.run(
        ["slurmd", "-V"], env={"PATH": PATH}, capture_output=True, text=True
    ).stdout.split()[1]
    plugin = "cgroup/v1" if version < "23" else "disabled"
    (folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
    # The launcher of a job's steps drops SLURM_CONF, which only clusters outside of /etc need.
    wrapper = folder / "bin" / "srun"
    wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {shutil.which("srun")} "$@"\n')
    wrapper.chmod(0o755)
    return {
        **os.environ,
        "SLURM_CONF": str(configuration),
        "PATH": f"{folder}/bin:{PATH}",
    }


def free_ports() -> list[int]:
    """Return two ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def wait_until_idle(cluster: Cluster, folder: Path) -> None:
    for _ in range(150):
        with suppress(subprocess.SubprocessError):
            if cluster.command("sinfo", "--noheader", "--format=%t").strip() == "idle":
                return
        time.sleep(0.2)
    logs = "".join(path.read_text()[-2000:] for path in folder.glob("*.out"))
    raise ClusterError(f"Slurm did not come up:\n{logs}")


def wait_until_empty(cluster: Cluster) -> None:
    for _ in range(100):
        if not cluster.command("squeue", "--noheader").strip():
            return
        time.sleep(0.2)


def stop(daemon: subprocess.Popen) -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(timeout=10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
