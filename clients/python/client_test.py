"""Plays several banks, an operator, a settlement agent and a regulator against a node of its own.

Everything it knows of the node it has from proto/causeway/v1 and docs/reference.

Run: CAUSEWAY_BIN=target/release python3 clients/python/client_test.py
"""

import os
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # connections are refused here on purpose

from dev_node import Node, dev_init  # noqa: E402
from parts import auditing, opening, paying, reading, refusals  # noqa: E402
from parts.day import Day, check  # noqa: E402


PARTS = {
    "who is who": opening.who_is_who,
    "opening": opening.opening,
    "commands": opening.commands,
    "a second person": opening.second_person,
    "a first payment": paying.first_payment,
    "urgent": paying.urgent,
    "many at once": paying.at_once,
    "streams of batches": paying.streams,
    "headers that are wrong": refusals.bad_headers,
    "signatures that are wrong": refusals.bad_signatures,
    "rulings of the core": paying.core_rejects,
    "watching": reading.watching,
    "signs of life": reading.signs_of_life,
    "cancelling": paying.cancelling,
    "suspending": paying.suspending,
    "paying out": reading.paying_out,
    "the books": reading.books,
    "strangers": reading.strangers,
    "auditing": auditing.auditing,
    "after a restart": auditing.restarted,
    "replay": auditing.verified,
}


def main() -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="causeway-") as name:
        folder = pathlib.Path(name)
        dev_init(folder / "dev")
        node = Node(folder / "dev")
        try:
            node.start()
            day = Day(node)
            for title, act in PARTS.items():
                with check.part(title):
                    act(day)
        finally:
            node.kill()
        if check.failed:
            print(f"-- the node's last words\n{node.log_tail()}")
    print(f"-- {time.monotonic() - started:.0f} s")
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
