"""A client of Causeway: who one is, what one signs, and what an error says.

Needs grpcio, grpcio-tools (the stubs are made from proto/ when this is imported) and cryptography.
"""

import dataclasses
import importlib
import importlib.resources
import pathlib
import sys
import tempfile
import time
import tomllib
import types
import uuid

import grpc
import grpc_tools.protoc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import causeway_bytes

HERE = pathlib.Path(__file__).parent
PROTO = HERE.parents[1] / "proto"
DEADLINE_S = 10


def _generated() -> types.SimpleNamespace:
    """Every message, enum value and stub of causeway.v1 under its own name."""
    words = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("causeway/v1/*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        failed = grpc_tools.protoc.main([
            "protoc", f"-I{PROTO}", f"-I{HERE}",
            f"-I{importlib.resources.files('grpc_tools') / '_proto'}",
            f"--python_out={folder}", f"--grpc_python_out={folder}", *words, "status.proto"])
        if failed:
            raise RuntimeError(f"protoc ended with {failed}")
        sys.path.insert(0, folder)
        try:
            names = [path.removesuffix(".proto").replace("/", ".") for path in words]
            modules = [importlib.import_module(name + end)
                       for name in names for end in ("_pb2", "_pb2_grpc")]
            modules.append(importlib.import_module("status_pb2"))
        finally:
            sys.path.remove(folder)
    return types.SimpleNamespace(**{name: value for module in modules
                                    for name, value in vars(module).items()
                                    if not name.startswith("_")})


api = _generated()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclasses.dataclass(frozen=True)
class Problem:
    """What a failed call says."""
    code: grpc.StatusCode
    message: str
    reason: str = ""
    fields: tuple[str, ...] = ()
    retry_after_s: float | None = None

    @classmethod
    def of(cls, error: grpc.RpcError) -> "Problem":
        found = {}
        trailers = dict(error.trailing_metadata() or ())
        status = api.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        for detail in status.details:
            for kind in (api.ErrorInfo, api.BadRequest, api.RetryInfo):
                if detail.Is(kind.DESCRIPTOR):
                    found[kind] = kind.FromString(detail.value)
        retry = found.get(api.RetryInfo)
        violations = found.get(api.BadRequest, api.BadRequest()).field_violations
        return cls(error.code(), error.details(), found.get(api.ErrorInfo, api.ErrorInfo()).reason,
                   tuple(violation.field for violation in violations),
                   retry and retry.retry_delay.ToTimedelta().total_seconds())


class Party:
    """A participant: its certificate, its signing key, and the services as it may call them."""

    def __init__(self, profile_path: pathlib.Path, address: str | None = None):
        folder = profile_path.parent
        profile = tomllib.loads(profile_path.read_text())
        read = {name: (folder / profile[name]).read_bytes()
                for name in ("ca", "certificate", "key", "signing_key")}
        self.name, self.number, self.pool = profile["name"], profile["participant"], profile["pool"]
        self.operator_key = Ed25519PublicKey.from_public_bytes(
            bytes.fromhex(profile["operator_key"]))
        self._key = load_pem_private_key(read["signing_key"], None)
        self.channel = grpc.secure_channel(
            address or profile["address"].removeprefix("https://"),
            grpc.ssl_channel_credentials(read["ca"], read["key"], read["certificate"]))
        self.payments = api.PaymentServiceStub(self.channel)
        self.ledger = api.LedgerServiceStub(self.channel)
        self.operator = api.OperatorServiceStub(self.channel)
        self.audit = api.AuditServiceStub(self.channel)

    def sign(self, statement: bytes) -> bytes:
        return self._key.sign(statement)

    # Handing in

    def order(self, receiver: "Party", amount: int, currency: str, value_date: int,
              payload: bytes = b"", **fields):
        """An order of this bank. `fields` are further arguments of `order_header`."""
        fields = {"uetr": str(uuid.uuid4()), "kind": 1, "created_at": now_ms()} | fields
        header = causeway_bytes.order_header(
            pool=self.pool, sender=self.number, receiver=receiver.number, amount=amount,
            currency=currency, value_date=value_date, payload=payload, **fields)
        return api.Order(header=header, payload=payload)

    def batch_signature(self, orders: list) -> bytes:
        return self.sign(causeway_bytes.batch_statement(self.pool, self.number,
                                                        [digest(order) for order in orders]))

    def submit(self, order, **options):
        """Hands in one order. Safe to repeat."""
        request = api.SubmitPaymentRequest(order=order, signature=self.batch_signature([order]),
                                           **options)
        return self.payments.SubmitPayment(request, timeout=DEADLINE_S)

    def batch(self, number: int, orders: list, **options):
        """A batch for SubmitBatches."""
        return api.SubmitBatchesRequest(batch_id=number, orders=orders,
                                        signature=self.batch_signature(orders), **options)

    def verify(self, orders: list, receipt, decisions) -> None:
        """Raises if the operator did not sign this receipt and these decisions on these orders."""
        digests = [digest(order) for order in orders]
        root = causeway_bytes.merkle_root(digests)
        if (receipt.pool, receipt.order_count, receipt.root) != (self.pool, len(orders), root):
            raise InvalidSignature("the receipt is on other orders")
        self.operator_key.verify(receipt.signature, causeway_bytes.receipt_statement(
            receipt.pool, receipt.position, receipt.received_at_ms, receipt.rules_hash,
            receipt.order_count, receipt.root))
        if [decision.digest for decision in decisions.decisions] != digests:
            raise InvalidSignature("the decisions are on other orders")
        self.operator_key.verify(decisions.signature, causeway_bytes.decisions_statement(
            receipt.pool, receipt.position, [encoded(one) for one in decisions.decisions]))

    # Commands

    def command(self, kind: int, body: bytes = b"", request_id: bytes | None = None) -> bytes:
        request_id = request_id or uuid.uuid4().bytes
        return causeway_bytes.command(kind, self.pool, request_id, self.number, now_ms(), body)

    def execute(self, command: bytes, checker: "Party | None" = None):
        """Has a command carried out, with the signature of a second person if one is given."""
        statement = causeway_bytes.command_statement(command)
        request = api.ExecuteCommandRequest(command=command, signature=self.sign(statement))
        if checker:
            request.checker, request.checker_signature = checker.number, checker.sign(statement)
        return self.operator.ExecuteCommand(request, timeout=DEADLINE_S)

    def cancel(self, uetr: str, kind: int = 1):
        command = self.command(causeway_bytes.CANCEL, causeway_bytes.cancel(uetr, kind))
        signature = self.sign(causeway_bytes.command_statement(command))
        return self.payments.CancelPayment(
            api.CancelPaymentRequest(command=command, signature=signature), timeout=DEADLINE_S)

    # Reading

    def pool_info(self):
        return self.operator.GetPool(api.GetPoolRequest(), timeout=DEADLINE_S)

    def payment(self, uetr: str, at_least_position: int = 0) -> list:
        request = api.GetPaymentRequest(uetr=uetr, at_least_position=at_least_position)
        return list(self.payments.GetPayment(request, timeout=DEADLINE_S).payments)

    def balances(self, **query) -> list:
        request = api.ListBalancesRequest(**query)
        return list(self.ledger.ListBalances(request, timeout=DEADLINE_S).balances)

    def entries(self, page_size: int = 0, **query) -> list:
        pages = self._pages(self.ledger.ListEntries, api.ListEntriesRequest, page_size, query)
        return [entry for page in pages for entry in page.entries]

    def transfers(self, batch: int, page_size: int = 0) -> list:
        pages = self._pages(self.ledger.ListTransfers, api.ListTransfersRequest, page_size,
                            {"batch": batch})
        return [transfer for page in pages for transfer in page.transfers]

    @staticmethod
    def _pages(call, request, page_size: int, query: dict):
        token = None
        while token != b"":
            page = call(request(page_size=page_size, page_token=token, **query),
                        timeout=DEADLINE_S)
            yield page
            token = page.next_page_token

    def close(self) -> None:
        self.channel.close()


def uetr(order) -> str:
    return str(uuid.UUID(bytes=order.header[16:32]))


def digest(order) -> bytes:
    return causeway_bytes.order_digest(order.header, order.payload)


def encoded(decision) -> bytes:
    """The bytes of a decision that are signed."""
    return causeway_bytes.decision(decision.digest, decision.place, decision.ruling,
                                   decision.reason, decision.decided_at_ms)
