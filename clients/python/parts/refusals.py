"""Orders and callers that are not let in."""

import grpc
from grpc import StatusCode as Code

from causeway_client import DEADLINE_S, api
from dev_node import dev_init
from parts.day import A, TODAY, Day, altered, check


def bad_headers(day: Day) -> None:
    bank = day.ALBKGB2L
    invalid = "HEADER_INVALID"
    cases = [
        (0, b"\2", invalid, "version"), (1, b"\2", invalid, "flags"),
        (2, b"\0\3", invalid, "suite"), (4, b"\0\0\0\x63", "OTHER_POOL", "pool"),
        (8, day.CSBKUS33.number.to_bytes(4), "OTHER_SENDER", "sender"),
        (12, bank.number.to_bytes(4), invalid, "receiver"), (22, b"\x10", invalid, "uetr"),
        (32, b"\0\x09", invalid, "message_kind"), (34, b"\4", invalid, "class"),
        (35, b"\2", invalid, "link_members"), (36, b"eur", invalid, "currency"),
        (36, b"XAU", invalid, "currency"), (40, bytes(8), invalid, "amount"),
        (40, (10**18).to_bytes(8), invalid, "amount"),
        (40, b"\xff" * 8, invalid, "amount"),
        (48, (20260231).to_bytes(4), invalid, "value_date"),
        (72, (1).to_bytes(8), invalid, "not_after"),
        (164, (5).to_bytes(4), invalid, "payload_length"),
    ] + [(at, b"\1", invalid, "reserved")
         for at in (39, 96, 112, 120, 136, 152, 155, 156, 168, 189, 190, 191)]
    good = bank.order(day.BRBKDEFF, 100, "USD", TODAY, b"text")
    orders = [altered(good, at, value) for at, value, _, _ in cases]
    for order, (at, value, why, field) in zip(orders, cases):
        check.fails(f"header[{at}] = {value.hex()}: {field}", lambda: bank.submit(order),
                    Code.INVALID_ARGUMENT, why, f"order.header.{field}")
    batches = [bank.batch(number, [good, order]) for number, order in enumerate(orders)]
    answers = bank.payments.SubmitBatches(iter(batches), timeout=DEADLINE_S)
    check.equal("in a stream they are named alike",
                [answer.error.field for answer in answers],
                [f"orders[1].header.{field}" for *_, field in cases])

    check.fails("a header of 191 bytes",
                lambda: bank.submit(api.Order(header=good.header[:-1], payload=good.payload)),
                Code.INVALID_ARGUMENT, invalid, "order.header")
    check.fails("no order at all",
                lambda: bank.payments.SubmitPayment(api.SubmitPaymentRequest()),
                Code.INVALID_ARGUMENT, "MISSING", "order")
    large = bank.order(day.BRBKDEFF, 100, "USD", TODAY, bytes(65_537))
    check.fails("a payload of 65,537 bytes", lambda: bank.submit(large),
                Code.INVALID_ARGUMENT, invalid, "order.header.payload_length")
    full = [bank.order(day.BRBKDEFF, 100, "USD", TODAY, bytes(65_536)) for _ in range(64)]
    answer, = bank.payments.SubmitBatches(iter([bank.batch(1, full)]), timeout=DEADLINE_S)
    check.equal("a batch of more than 4 MiB",
                (answer.error.code, answer.error.reason, answer.error.field),
                (3, "BATCH_TOO_LARGE", "orders"))
    check.fails("a message of 8 MiB",
                lambda: bank.payments.SubmitBatches(iter([bank.batch(1, full * 2)]),
                                                    timeout=DEADLINE_S),
                Code.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE", "orders")


def bad_signatures(day: Day) -> None:
    bank, other = day.ALBKGB2L, day.BRBKDEFF
    order = bank.order(other, 100, "USD", TODAY)
    right = bank.batch_signature([order])
    for what, signature in (("a flipped bit", bytes([right[0] ^ 1]) + right[1:]),
                            ("another bank's signature", other.batch_signature([order])),
                            ("63 bytes", right[:-1]), ("none", b"")):
        request = api.SubmitPaymentRequest(order=order, signature=signature)
        check.fails(f"signature: {what}", lambda: bank.payments.SubmitPayment(request),
                    Code.INVALID_ARGUMENT, "SIGNATURE_INVALID", "signature")
    request = api.SubmitPaymentRequest(order=order, signature=right)
    check.fails("another bank cannot hand in what this one signed",
                lambda: other.payments.SubmitPayment(request),
                Code.INVALID_ARGUMENT, "OTHER_SENDER", "order.header.sender")
    check.fails("an operator hands in nothing",
                lambda: day.alice.payments.SubmitPayment(request),
                Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")

    ca = (day.node.folder / "ca.pem").read_bytes()
    foreign = day.node.folder.parent / "foreign"
    dev_init(foreign)
    files = foreign / "participants" / A
    unknown = grpc.ssl_channel_credentials(ca, (files / "tls.key.pem").read_bytes(),
                                           (files / "tls.pem").read_bytes())
    for what, credentials in (("a certificate of another authority", unknown),
                              ("no certificate", grpc.ssl_channel_credentials(ca))):
        with grpc.secure_channel(day.node.address, credentials) as channel:
            check.fails(f"{what} does not get in",
                        lambda: api.OperatorServiceStub(channel).GetPool(
                            api.GetPoolRequest(), timeout=DEADLINE_S), Code.UNAVAILABLE, "")
