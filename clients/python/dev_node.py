"""A development node of one's own: made, started, stopped, checked."""

import json
import os
import pathlib
import signal
import subprocess
import time

from causeway_client import HERE, Party

BIN = pathlib.Path(os.environ.get("CAUSEWAY_BIN", HERE.parents[1] / "target/release"))
START_S, STOP_S = 20, 20


def dev_init(folder: pathlib.Path) -> None:
    """A folder with a node, its participants and all their keys."""
    subprocess.run([BIN / "causeway", "dev", "init", folder, "--listen", "127.0.0.1:0",
                    "--metrics-listen", "127.0.0.1:0"], check=True, capture_output=True)


class Node:
    """`causewayd dev` as a child process."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self._ready = folder, folder.parent / "ready.json"
        self._log = (folder.parent / "node.log").open("ab")
        self._process, self._parties = None, {}

    def start(self) -> None:
        self._ready.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [BIN / "causewayd", "dev", "--dir", self.folder, "--ready-file", self._ready],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + START_S
        while not (self._ready.exists() and self._ready.read_text().rstrip().endswith("}")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the node did not become ready:\n{self.log_tail()}")
            time.sleep(0.02)
        self.address = json.loads(self._ready.read_text())["grpc"]

    def party(self, name: str) -> Party:
        """A participant, connected to the node as it runs now."""
        if name not in self._parties:
            self._parties[name] = Party(self.folder / "participants" / name / "profile.toml",
                                        self.address)
        return self._parties[name]

    def stop(self) -> int:
        """Asks the node to end; its exit code."""
        self._hang_up()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_S)

    def kill(self) -> None:
        """Ends it if it still runs, without a chance to tidy up."""
        self._hang_up()
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_S)

    def _hang_up(self) -> None:
        for party in self._parties.values():
            party.close()
        self._parties.clear()

    def verify(self) -> dict:
        """What a replay of the stopped node's log from zero says."""
        done = subprocess.run([BIN / "causewayd", "verify", self.folder, "--output", "json"],
                              capture_output=True, text=True, check=False)
        try:
            return json.loads(done.stdout) | {"exit": done.returncode}
        except ValueError:
            return {"exit": done.returncode, "error": done.stderr}

    def log_tail(self) -> str:
        return (self.folder.parent / "node.log").read_text(errors="replace")[-4000:]
