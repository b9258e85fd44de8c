"""A PostgreSQL of the tests' own: loopback, a free port, a folder that is removed at the end.

`initdb` refuses root, so that root's tests run it as the user of Debian's package.
"""

import ctypes
import glob
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving import wait_until

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/bin")
PASSWORD = "opensesame"  # no sentence may have it
PR_SET_PDEATHSIG = 1


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL installed here, None without one."""
    folders = [
        Path(program_folder)
        for pattern in FOLDERS
        for program_folder in sorted(glob.glob(pattern))[::-1]
    ]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@dataclass
class PostgresqlServer:
    """A server: its port, its data, and its process while it runs."""

    binaries: Path
    folder: Path
    port: int
    options: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",  # a killed writer is not a power cut
            "shared_buffers": "32MB",
            "log_min_messages": "fatal",
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), *flags]
        log = open(self.folder / "server.log", "ab")  # noqa: SIM115 - the server's own
        self.process = subprocess.Popen(
            command, stderr=log, preexec_fn=_stop_with_parent, **self.options
        )
        log.close()
        wait_until(self.answers, seconds=60)

    def stop(self, kill_signal: int = signal.SIGINT) -> None:
        """Stop the server at once: open transactions are rolled back."""
        if self.process is not None:
            self.process.send_signal(kill_signal)
            self.process.wait(timeout=60)
            self.process = None

    def answers(self) -> bool:
        """True if the server accepts connections."""
        try:
            self.execute("SELECT 1")
        except OSError:
            return False
        return True

    def execute(self, command: str, database: str = "postgres") -> list:
        """The rows of a command, by a connection of its own; OSError if nobody answers."""
        import psycopg

        try:
            with psycopg.connect(self.url(database, ""), autocommit=True) as connection:
                cursor = connection.execute(command)
                return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from None

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"log_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str, driver: str = "+psycopg") -> str:
        """The URL of a database here."""
        return f"postgresql{driver}://tester:{PASSWORD}@127.0.0.1:{self.port}/{database}"


@contextmanager
def running_server():
    """A new server, stopped and removed at the end."""
    program_folder = binaries()
    assert program_folder is not None
    account = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder = Path(tempfile.mkdtemp(prefix="gqa-postgresql-"))
    options = {"cwd": folder, "stdout": subprocess.DEVNULL}
    if os.getuid() == 0:
        os.chown(folder, account.pw_uid, account.pw_gid)
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = PostgresqlServer(program_folder, folder, probe.getsockname()[1], options)
    try:
        password = folder / "password"
        password.write_text(PASSWORD)
        command = [str(program_folder / "initdb"), "-D", str(folder / "data"), "-U", "tester", "-N"]
        flags = ["-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run([*command, *flags], check=True, stderr=subprocess.DEVNULL, **options)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _stop_with_parent() -> None:
    """Have the kernel stop the server if the tests are killed (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
