"""A Slurm of the tests' own: one controller and two nodes on this machine, in a folder that goes away afterwards.

Needs root, as slurmd starts jobs for others, and the Debian packages slurmctld, slurmd, slurm-client and munge. No
systemd, no cgroups, no accounting; jobs run at once and requeued ones start again when `release` is called.
"""
import os
import random
import shutil
import socket
import subprocess
import time

import bounded

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
NODES = ("left", "right")
CORES = 4
PATIENCE = 120  # seconds for the cluster to come up
ANSWER = 120  # seconds for it to answer a question, twice as long as it may be busy

CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=5
MinJobAge=3600
FirstJobId={first}
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]},{ports[2]} CPUs={cores} \\
RealMemory=2000 State=UNKNOWN
PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Unavailable(Exception):
    """Slurm cannot run here; the text says why."""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    def __init__(self, folder):
        missing = [name for name in DAEMONS if not shutil.which(name)]
        if missing:
            raise Unavailable(f"{', '.join(missing)} not installed")
        if os.geteuid() != 0:
            raise Unavailable("only root can start it")
        self.folder = str(folder)
        self.daemons = []
        os.chmod(self.folder, 0o755)
        self.configure()
        try:
            self.start()
        except (Unavailable, OSError, subprocess.SubprocessError):
            self.stop()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def configure(self):
        host = socket.gethostname().split(".")[0]
        text = CONFIGURATION.format(host=host, folder=self.folder, ports=free_ports(3), nodes=",".join(NODES),
                                    cores=CORES, first=random.randrange(1000, 60000) * 1000)  # no other cluster's
        os.mkdir(self.path("state"))
        with open(self.path("slurm.conf"), "w", encoding="ascii") as file:
            file.write(text)
        for node in NODES:  # two nodes of one machine share PMIx' folder unless each has a configuration of its own
            for name in ("spool", "conf", "pmix"):
                os.mkdir(self.path(f"{name}.{node}"))
            shutil.copy(self.path("slurm.conf"), self.path(f"conf.{node}"))
            with open(self.path(f"conf.{node}/mpi.conf"), "w", encoding="ascii") as file:
                file.write(f"PMIxCliTmpDirBase={self.path('pmix.' + node)}\n")
        with open(self.path("munge.key"), "wb") as file:
            file.write(os.urandom(1024))
        os.chmod(self.path("munge.key"), 0o600)

    def daemon(self, *command):
        with open(self.path("daemons.log"), "a", encoding="ascii") as log:
            self.daemons.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def start(self):
        self.daemon("munged", "--foreground", "--force", f"--key-file={self.path('munge.key')}",
                    f"--socket={self.path('munge.socket')}", f"--log-file={self.path('munged.log')}",
                    f"--pid-file={self.path('munged.pid')}", f"--seed-file={self.path('munge.seed')}")  # fmt: skip
        self.wait_for(lambda: os.path.exists(self.path("munge.socket")), "munged does not start")
        self.daemon("slurmctld", "-D", "-f", self.path("slurm.conf"))
        for node in NODES:
            self.daemon("slurmd", "-D", "-f", self.path(f"conf.{node}/slurm.conf"), "-N", node)
        self.wait_for(self.is_up, "its nodes do not come up")

    def is_up(self):
        said = self.run("sinfo", "-h", "-t", "idle", "-o", "%D", check=False)
        return said.strip() == str(len(NODES))

    @staticmethod
    def wait_for(condition, complaint, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Unavailable(complaint)
            time.sleep(0.2)

    def environment(self, **more):
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "OMPI_COMM"))}
        return {**outer, "SLURM_CONF": self.path("slurm.conf"), **more}

    def run(self, *command, check=True, cwd=None, seconds=ANSWER, **environment):
        done = bounded.run(command, seconds, env=self.environment(**environment), cwd=cwd)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def submit(self, *arguments, cwd, **environment):
        """The id of a job."""
        return self.run("sbatch", "--parsable", *arguments, cwd=cwd, **environment).strip()

    def state(self, job):
        """State, exit code and restarts of a job."""
        fields = dict(item.split("=", 1) for item in self.run("scontrol", "show", "job", job).split() if "=" in item)
        return fields["JobState"], fields["ExitCode"].split(":")[0], int(fields["Restarts"])

    def release(self, job):
        """Has a requeued job start now, instead of in two minutes; in the second of its end its node would refuse
        it."""
        time.sleep(2.5)
        self.run("scontrol", "update", f"jobid={job}", "starttime=now", check=False)

    def is_over(self, job):
        """Whether the job is at rest for good: one on its way back to the queue is FAILED and completing for a
        while."""
        now = self.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T").strip()
        return now in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")

    def wait(self, job, seconds=300):
        """Waits until a job is over, sending it back to work when it was requeued; its state as above."""
        end, looks = time.monotonic() + seconds, 0
        while looks < 3:
            looks = looks + 1 if self.is_over(job) else 0
            assert looks or time.monotonic() < end, f"job {job} is still {self.state(job)}"
            if not looks and self.state(job)[0] == "PENDING":
                self.release(job)
            time.sleep(0.5)
        return self.state(job)

    def settle(self):
        """Has all nodes idle: a test that has failed may leave jobs, and a node that is down, for which the next test
        would wait."""
        self.run("scancel", "-u", "root", check=False)
        for node in self.run("sinfo", "-h", "-N", "-t", "down,drain,drained,fail", "-o", "%N", check=False).split():
            self.run("scontrol", "update", f"nodename={node}", "state=resume", check=False)
        self.wait_for(self.is_up, "its nodes do not become idle")

    def stop(self):
        if len(self.daemons) > 1:
            try:
                self.run("scancel", "-u", "root", check=False, seconds=20)
                time.sleep(1)
            except bounded.Overdue:  # its controller is gone
                pass
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
