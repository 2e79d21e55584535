"""What the parts share: how a check is written down, and the node with what was done so far."""

import contextlib
import datetime
import sys
import time
import traceback

import grpc
from cryptography.exceptions import InvalidSignature
from grpc import StatusCode as Code

import causeway_bytes as wire
from causeway_client import DEADLINE_S, Party, Problem, api, digest
from dev_node import Node

HOUR_MS = 3_600_000
SHOWN_MAX = 1_000
TODAY = int(datetime.datetime.now(datetime.UTC).strftime("%Y%m%d"))
A, B, C = BANKS = ("ALBKGB2L", "BRBKDEFF", "CSBKUS33")


def shortened(found) -> str:
    text = found if isinstance(found, str) else repr(found)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]} …"


class Checks:
    """Counts what held, and says each on a line."""

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, what: str, held, found="") -> None:
        self.passed, self.failed = self.passed + bool(held), self.failed + (not held)
        print(f"ok    {what}" if held else f"FAIL  {what}: {shortened(found)}", flush=True)

    def equal(self, what: str, found, wanted) -> None:
        self(what, found == wanted, {"found": found, "wanted": wanted})

    def signed(self, what: str, bank: Party, orders: list, answer) -> None:
        try:
            bank.verify(orders, answer.receipt, answer.decisions)
            self(what, True)
        except InvalidSignature as error:
            self(what, False, error)

    def fails(self, what: str, call, code: Code, reason: str, field: str = "") -> None:
        """The call must fail in exactly this way."""
        try:
            answer = call()
            if hasattr(answer, "__next__"):
                next(answer)
            self(what, False, answer)
        except grpc.RpcError as error:
            problem = Problem.of(error)
            found = (problem.code, problem.reason, problem.fields)
            self.equal(what, found, (code, reason, (field,) if field else ()))

    @contextlib.contextmanager
    def part(self, title: str):
        print(f"-- {title}", flush=True)
        try:
            yield
        except Exception:  # noqa: BLE001: whatever it was, the other parts are still worth a look
            traceback.print_exc(file=sys.stdout)
            self(f"{title}: to the end", False)


check = Checks()


class Day:
    """The node and what was done with it so far."""

    def __init__(self, node: Node):
        self.node = node
        self.digests = {}  # of orders, by place
        self.first = None  # the first order, and its decision's bytes
        self.watch_token = b""
        self.audited = []  # batches with their tokens

    def __getattr__(self, name: str) -> Party:
        """`day.alice`: the participant of that name."""
        return self.node.party(name)

    @property
    def banks(self) -> list[Party]:
        return [self.node.party(name) for name in BANKS]

    def submit(self, bank: Party, order, **options):
        answer = bank.submit(order, **options)
        self.remember([order], answer)
        return answer

    def remember(self, orders: list, answer) -> None:
        for order, decision in zip(orders, answer.decisions.decisions):
            self.digests.setdefault(decision.place, digest(order))

    def run_cycle(self) -> int:
        return self.alice.execute(self.alice.command(wire.RUN_CYCLE)).position

    def wait_for(self, bank: Party, payment_uetr: str, state: int):
        """The payment once it is in this state."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            payment = bank.payment(payment_uetr)[0]
            if payment.state == state or time.monotonic() > deadline:
                return payment
            time.sleep(0.05)


def reason(name: str) -> int:
    return api.RejectReason.Value(f"REJECT_REASON_{name}")


def only(answer):
    """The one decision of an answer."""
    (decision,) = answer.decisions.decisions
    return decision


def ruled(answer) -> tuple[str, str]:
    decision = only(answer)
    return (api.Ruling.Name(decision.ruling).removeprefix("RULING_"),
            api.RejectReason.Name(decision.reason).removeprefix("REJECT_REASON_"))


def altered(order, at: int, value: bytes):
    """The order with other bytes in its header."""
    header = order.header[:at] + value + order.header[at + len(value):]
    return api.Order(header=header, payload=order.payload)
