"""Orders that are well-formed: handed in, repeated, settled, rejected, taken back."""

import uuid

from grpc import StatusCode as Code

import causeway_bytes as wire
from causeway_client import DEADLINE_S, api, digest, encoded, now_ms, uetr
from parts.day import A, B, HOUR_MS, TODAY, Day, altered, check, only, reason, ruled


def first_payment(day: Day) -> None:
    bank, receiver = day.ALBKGB2L, day.BRBKDEFF
    order = bank.order(receiver, 10_000, "EUR", TODAY, b"invoice 17")
    answer = day.submit(bank, order)
    day.first = order, encoded(only(answer))
    check.signed("receipt and decision are signed by the operator", bank, [order], answer)
    check.equal("an order without funds is queued", ruled(answer), ("QUEUED", "UNSPECIFIED"))
    check.equal("the place follows from the position",
                only(answer).place, answer.receipt.position << 20)
    check.equal("the receipt names the rule book",
                answer.receipt.rules_hash, bank.pool_info().rules_hash)

    again = day.submit(bank, order)
    check.signed("the same order again: signed too", bank, [order], again)
    check("the same order again: marked as replayed", only(again).replayed, again)
    check.equal("the same order again: the same decision, byte for byte",
                encoded(only(again)), encoded(only(answer)))
    check("the same order again: a receipt of its own",
          again.receipt.position > answer.receipt.position, again.receipt)

    made = {"uetr": uetr(order), "created_at": int.from_bytes(order.header[56:64])}
    for field, other in {
        "amount": bank.order(receiver, 10_001, "EUR", TODAY, b"invoice 17", **made),
        "receiver": bank.order(day.CSBKUS33, 10_000, "EUR", TODAY, b"invoice 17", **made),
        "payload": bank.order(receiver, 10_000, "EUR", TODAY, b"invoice 18", **made),
    }.items():
        refused = day.submit(bank, other)
        check.equal(f"the same identity with another {field} is refused and says so",
                    (ruled(refused), list(only(refused).differing_fields)),
                    (("REJECTED", "IDENTITY_REUSED"), [field]))
        check.signed(f"another {field}: signed", bank, [other], refused)

    position = again.receipt.position
    sent, = bank.payment(uetr(order), position)
    check.equal("the sender finds the payment by its UETR",
                (sent.sender, sent.receiver, sent.state, sent.amount.minor_units, sent.header),
                (A, B, api.PAYMENT_STATE_QUEUED, 10_000, order.header))
    check.fails("before it is settled the receiver finds nothing",
                lambda: receiver.payment(uetr(order), position), Code.NOT_FOUND, "NOT_FOUND")

    body = wire.fund(bank.number, "EUR", 50_000, uuid.uuid4().bytes)
    check.equal("funds come in", day.agent.execute(day.agent.command(wire.FUND, body)).reason, 0)
    day.run_cycle()
    settled = day.wait_for(bank, uetr(order), api.PAYMENT_STATE_SETTLED)
    check.equal("a cycle settles it", settled.state, api.PAYMENT_STATE_SETTLED)
    check("it says in which batch", settled.batch > 0, settled.batch)
    got, = receiver.payment(uetr(order))
    check.equal("the receiver finds the same and gets the payload", got, settled)
    check.equal("payload and digest are those of the order",
                (got.payload, got.digest), (b"invoice 17", digest(order)))
    check.fails("a third bank finds nothing", lambda: day.CSBKUS33.payment(uetr(order)),
                Code.NOT_FOUND, "NOT_FOUND")


def urgent(day: Day) -> None:
    bank = day.ALBKGB2L
    order = bank.order(day.BRBKDEFF, 100, "USD", TODAY, b"now", urgent=True)
    answer = day.submit(bank, order)
    check.equal("an urgent order with funds settles at once",
                ruled(answer), ("SETTLED", "UNSPECIFIED"))
    payment, = bank.payment(uetr(order), answer.receipt.position)
    check.equal("who waits for his position reads his own write",
                payment.state, api.PAYMENT_STATE_SETTLED)
    alone = bank.order(day.BRBKDEFF, 100, "USD", TODAY, urgent=True)
    answer = bank.submit(alone, receipt_only=True)
    check("a receipt alone comes without a decision",
          answer.receipt.signature and not answer.HasField("decisions"), answer)
    day.submit(bank, alone)


def at_once(day: Day) -> None:
    bank = day.ALBKGB2L
    order = bank.order(day.BRBKDEFF, 100, "USD", TODAY, urgent=True)
    request = api.SubmitPaymentRequest(order=order, signature=bank.batch_signature([order]))
    calls = [bank.payments.SubmitPayment.future(request, timeout=DEADLINE_S) for _ in range(200)]
    answers = [call.result() for call in calls]
    day.remember([order], answers[0])
    check.equal("200 times the same at once: one decision",
                len({encoded(only(answer)) for answer in answers}), 1)
    check.equal("199 of them are marked as replayed",
                sum(only(answer).replayed for answer in answers), 199)
    position = max(answer.receipt.position for answer in answers)
    bank.payment(uetr(order), position)
    entries = [entry for entry in bank.entries(currency_code="USD") if entry.uetr == uetr(order)]
    check.equal("and one entry", len(entries), 1)


def streams(day: Day) -> None:
    bank, receiver = day.ALBKGB2L, day.BRBKDEFF

    def orders(count: int) -> list:
        return [bank.order(receiver, 100, "USD", TODAY, b"%d" % index, urgent=True)
                for index in range(count)]

    small, large, bare = orders(50), orders(1024), orders(10)
    broken = orders(5)
    broken[3] = altered(broken[3], 40, bytes(8))
    forged = bank.batch(5, orders(2))
    forged.signature = bytes(64)
    requests = [bank.batch(1, small), bank.batch(2, large), bank.batch(3, broken),
                bank.batch(4, bare, receipt_only=True), forged,
                bank.batch(6, orders(1025)), bank.batch(7, [])]
    answers = list(bank.payments.SubmitBatches(iter(requests), timeout=3 * DEADLINE_S))
    check.equal("the answers come in the order of the batches",
                [answer.batch_id for answer in answers], [1, 2, 3, 4, 5, 6, 7])
    for sent, answer in ((small, answers[0]), (large, answers[1])):
        day.remember(sent, answer)
        check.signed(f"{len(sent)} orders under one signature each way", bank, sent, answer)
        check.equal(f"{len(sent)} orders: each is settled at a place of its own",
                    [(one.ruling, one.place) for one in answer.decisions.decisions],
                    [(api.RULING_SETTLED, (answer.receipt.position << 20) + index)
                     for index in range(len(sent))])
    check("a batch may ask for its receipt alone",
          answers[3].receipt.order_count == 10 and not answers[3].HasField("decisions"),
          answers[3])
    again = list(bank.payments.SubmitBatches(iter([bank.batch(8, bare)]), timeout=DEADLINE_S))[0]
    day.remember(bare, again)
    check("and ask again for the decisions",
          all(one.replayed and one.ruling == api.RULING_SETTLED
              for one in again.decisions.decisions), again.decisions)
    twin = bank.order(receiver, 101, "USD", TODAY, b"0", uetr=uetr(small[0]))
    pair = [small[0], twin, small[0]]
    mixed, = bank.payments.SubmitBatches(iter([bank.batch(9, pair)]), timeout=DEADLINE_S)
    check.signed("known orders and a twin in one batch: signed", bank, pair, mixed)
    check.equal("each has its own decision, the one of its first attempt",
                [(one.ruling, one.reason, one.replayed, one.place)
                 for one in mixed.decisions.decisions],
                [(api.RULING_SETTLED, 0, True, answers[0].decisions.decisions[0].place),
                 (api.RULING_REJECTED, reason("IDENTITY_REUSED"), False,
                  answers[0].decisions.decisions[0].place),
                 (api.RULING_SETTLED, 0, True, answers[0].decisions.decisions[0].place)])
    for index, wanted in ((2, ("HEADER_INVALID", "orders[3].header.amount")),
                          (4, ("SIGNATURE_INVALID", "signature")),
                          (5, ("ORDER_COUNT", "orders")), (6, ("ORDER_COUNT", "orders"))):
        error = answers[index].error
        check.equal(f"a bad batch is refused whole, the stream goes on: {wanted[0]}",
                    (error.code, (error.reason, error.field)), (3, wanted))
    check.fails("nothing of a refused batch is there",
                lambda: bank.payment(uetr(broken[0]), again.receipt.position),
                Code.NOT_FOUND, "NOT_FOUND")


def core_rejects(day: Day) -> None:
    bank, receiver = day.ALBKGB2L, day.BRBKDEFF
    stranger = bank.order(receiver, 100, "USD", TODAY)
    for order, wanted in (
        (altered(stranger, 12, (999).to_bytes(4)), ("REJECTED", "UNKNOWN_RECEIVER")),
        (bank.order(receiver, 100, "CHF", TODAY), ("REJECTED", "CURRENCY_NOT_IN_POOL")),
        (bank.order(receiver, 100, "GBP", TODAY), ("REJECTED", "NO_DEBTOR_ACCOUNT")),
        (bank.order(receiver, 100, "USD", 20200102), ("REJECTED", "VALUE_DATE_PAST")),
        (bank.order(receiver, 100, "USD", 21990102), ("REJECTED", "VALUE_DATE_TOO_FAR")),
        (bank.order(receiver, 100, "USD", TODAY, created_at=1),
         ("REJECTED", "CREATED_TOO_EARLY")),
        (bank.order(receiver, 100, "USD", TODAY, created_at=now_ms() + HOUR_MS),
         ("REJECTED", "CREATED_TOO_LATE")),
        (bank.order(receiver, 100, "USD", TODAY, created_at=now_ms() - 9, not_after=now_ms() - 1),
         ("REJECTED", "EXPIRED")),
        (bank.order(receiver, 100, "USD", TODAY, not_before=now_ms() + HOUR_MS),
         ("WAREHOUSED", "UNSPECIFIED")),
        (bank.order(receiver, 100, "USD", TODAY, link_group=bytes([7] * 16), link_members=2),
         ("AWAITING_GROUP", "UNSPECIFIED")),
    ):
        answer = day.submit(bank, order)
        check.equal(f"ruling: {' '.join(wanted)}", ruled(answer), wanted)
        check.signed(f"{' '.join(wanted)}: signed", bank, [order], answer)


def suspending(day: Day) -> None:
    bank, receiver = day.CSBKUS33, day.BRBKDEFF

    def set_status(active: bool):
        body = wire.set_status(bank.number, active)
        return day.alice.execute(day.alice.command(wire.SET_STATUS, body))

    waiting = bank.order(receiver, 700, "EUR", TODAY)
    first = day.submit(bank, waiting)
    suspended = set_status(False)
    check.equal("a bank is suspended", suspended.reason, 0)
    found, = bank.payment(uetr(waiting), suspended.position)
    check.equal("what waited has left, with the reason", (found.state, found.reason),
                (api.PAYMENT_STATE_REJECTED, reason("PARTICIPANT_SUSPENDED")))
    order = bank.order(receiver, 700, "EUR", TODAY)
    check.equal("it hands in nothing new", ruled(day.submit(bank, order)),
                ("REJECTED", "SENDER_SUSPENDED"))
    other = receiver.order(bank, 700, "EUR", TODAY)
    check.equal("and gets nothing", ruled(day.submit(receiver, other)),
                ("REJECTED", "RECEIVER_SUSPENDED"))
    again = day.submit(bank, waiting)
    check.equal("what it handed in before keeps its decision",
                encoded(only(again)), encoded(only(first)))
    check.equal("it is readmitted", set_status(True).reason, 0)
    order = bank.order(receiver, 700, "EUR", TODAY)
    check.equal("and may go on", ruled(day.submit(bank, order)), ("QUEUED", "UNSPECIFIED"))
    check.equal("also back", bank.cancel(uetr(order)).reason, 0)


def cancelling(day: Day) -> None:
    bank, receiver = day.CSBKUS33, day.BRBKDEFF
    order = bank.order(receiver, 700, "EUR", TODAY)
    check.equal("an order waits", ruled(day.submit(bank, order)), ("QUEUED", "UNSPECIFIED"))
    check.equal("nobody else can take it back",
                receiver.cancel(uetr(order)).reason, reason("UNKNOWN_PAYMENT"))
    taken_back = bank.cancel(uetr(order))
    check.equal("its sender can", taken_back.reason, 0)
    found, = bank.payment(uetr(order), taken_back.position)
    check.equal("it is cancelled then", (found.state, found.reason),
                (api.PAYMENT_STATE_CANCELLED, reason("CANCELLED")))
    check.fails("the receiver never hears of it", lambda: receiver.payment(uetr(order)),
                Code.NOT_FOUND, "NOT_FOUND")
    check.equal("once is enough", bank.cancel(uetr(order)).reason, reason("PAYMENT_FINAL"))
    check.equal("what was never there cannot be taken back",
                bank.cancel(str(uuid.uuid4())).reason, reason("UNKNOWN_PAYMENT"))
    again = day.submit(bank, order)
    check.equal("handed in again it stays what it was",
                (ruled(again), only(again).replayed), (("QUEUED", "UNSPECIFIED"), True))
    command = bank.command(wire.DEFUND, wire.defund("USD", 1))
    request = api.CancelPaymentRequest(
        command=command, signature=bank.sign(wire.command_statement(command)))
    check.fails("CancelPayment takes no other command",
                lambda: bank.payments.CancelPayment(request),
                Code.INVALID_ARGUMENT, "NOT_A_CANCEL", "command.kind")
