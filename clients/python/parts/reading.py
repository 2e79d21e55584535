"""What a bank reads, follows, and does not see."""

import collections
import uuid

from grpc import StatusCode as Code

import causeway_bytes as wire
from causeway_client import DEADLINE_S, Party, api, uetr
from parts.day import A, B, C, TODAY, Day, check, only, reason, ruled


def follow(bank: Party, enough, token: bytes = b"", with_payloads: bool = False):
    """The messages of a watch until there are enough of them."""
    request = api.WatchPaymentsRequest(resume_token=token, with_payloads=with_payloads)
    stream = bank.payments.WatchPayments(request, timeout=2 * DEADLINE_S)
    messages = []
    for message in stream:
        messages.append(message)
        if enough(messages):
            break
    stream.cancel()
    return messages


def seen(messages: list) -> list:
    """What a watch said happened."""
    return [(payment.place, payment.state) for message in messages
            for payment in message.payments]


def watching(day: Day) -> None:
    bank, receiver = day.ALBKGB2L, day.BRBKDEFF

    def until(order):
        ended = (only(day.submit(bank, order)).place, api.PAYMENT_STATE_SETTLED)
        return lambda messages: ended in seen(messages[-1:])

    first_end = until(bank.order(receiver, 100, "USD", TODAY, b"mark 1", urgent=True))
    whole = follow(receiver, first_end)
    # Stop inside the largest batch: several messages are of it.
    numbers = collections.Counter(message.batch for message in whole)
    (largest, parts), = numbers.most_common(1)
    check("a large batch comes in several messages", parts > 2, numbers)
    middle = [message.batch for message in whole].index(largest) + 2
    head = follow(receiver, lambda messages: len(messages) == middle)
    second_end = until(bank.order(receiver, 100, "USD", TODAY, b"mark 2", urgent=True))
    tail = follow(receiver, second_end, head[-1].resume_token)
    whole = follow(receiver, second_end)
    check.equal("stopped and resumed: nothing lost, nothing twice, the same order",
                seen(head) + seen(tail), seen(whole))
    twice = [what for what, count in collections.Counter(seen(whole)).items() if count > 1]
    check.equal("each change once", twice, [])
    settled = {place for place, state in seen(whole) if state == api.PAYMENT_STATE_SETTLED}
    posted = {entry.place for entry in receiver.entries(1000, currency_code="USD")
              if entry.uetr and not entry.debit}
    check("every credit was told", posted <= settled, posted - settled)
    check("no payload unless asked for",
          not any(payment.payload for message in whole for payment in message.payments))
    got = follow(receiver, second_end, with_payloads=True)
    payloads = {payment.uetr: payment.payload for message in got for payment in message.payments
                if payment.state == api.PAYMENT_STATE_SETTLED}
    check("with payloads, if asked for", b"mark 2" in payloads.values(), payloads)
    check("of settled payments only",
          not any(payment.payload for message in got for payment in message.payments
                  if payment.state != api.PAYMENT_STATE_SETTLED))

    token = whole[-1].resume_token
    for what, bad in (("made up", b"token"), ("changed", bytes([token[0] ^ 1]) + token[1:])):
        check.fails(f"a token {what} is refused", lambda: receiver.payments.WatchPayments(
            api.WatchPaymentsRequest(resume_token=bad), timeout=DEADLINE_S),
                    Code.INVALID_ARGUMENT, "TOKEN_INVALID", "resume_token")
    check.fails("another's token is refused", lambda: bank.payments.WatchPayments(
        api.WatchPaymentsRequest(resume_token=token), timeout=DEADLINE_S),
                Code.INVALID_ARGUMENT, "TOKEN_INVALID", "resume_token")
    day.watch_token = token


def signs_of_life(day: Day) -> None:
    bank, receiver = day.CSBKUS33, day.BRBKDEFF
    # An order that waits keeps the cycles going; it concerns its sender alone.
    waiting = bank.order(receiver, 100, "EUR", TODAY)
    day.submit(bank, waiting)
    request = api.WatchPaymentsRequest(resume_token=day.watch_token)
    stream = receiver.payments.WatchPayments(request, timeout=6)
    sign = next(stream)
    stream.cancel()
    check("with nothing to say there is a sign of life after five seconds",
          not sign.payments and sign.resume_token, sign)
    bank.cancel(uetr(waiting))
    day.watch_token = sign.resume_token


def counters(balance) -> tuple[int, int, int, int]:
    return (int(balance.debits_posted), int(balance.credits_posted),
            int(balance.debits_pending), int(balance.credits_pending))


def paying_out(day: Day) -> None:
    bank, agent = day.BRBKDEFF, day.agent

    def balance(position: int):
        return next(one for one in bank.balances(at_least_position=position)
                    if one.currency_code == "USD")

    too_much = bank.execute(bank.command(wire.DEFUND, wire.defund("USD", 10**12)))
    check.equal("nobody is paid out what is not there",
                too_much.reason, reason("INSUFFICIENT_FUNDS"))
    before = counters(balance(too_much.position))
    for made in (False, True):
        request_id = uuid.uuid4().bytes
        asked = bank.execute(bank.command(wire.DEFUND, wire.defund("USD", 300), request_id))
        pending = counters(balance(asked.position))
        check.equal("a pay-out is reserved", (asked.reason, pending),
                    (0, (before[0], before[1], before[2] + 300, before[3])))
        body = wire.confirm_defund(request_id, made)
        answer = agent.execute(agent.command(wire.CONFIRM_DEFUND, body))
        wanted = (before[0] + 300 * made, *before[1:])
        check.equal(f"then it is {'made' if made else 'released'}",
                    (answer.reason, counters(balance(answer.position))), (0, wanted))
    answer = agent.execute(agent.command(wire.CONFIRM_DEFUND, body))
    check.equal("and once only", answer.reason, reason("UNKNOWN_DEFUND"))


def books(day: Day) -> None:
    bank = day.BRBKDEFF
    position = day.alice.pool_info().next_position - 1
    sums = collections.Counter()
    for balance in day.alice.balances(at_least_position=position):
        sums[balance.currency_code] += int(balance.balance.minor_units)
    check.equal("per currency all balances sum to zero", set(sums.values()), {0})

    entries = bank.entries(1000, currency_code="USD")
    check.equal("pages of 97 and of 1,000 hold the same entries",
                bank.entries(97, currency_code="USD"), entries)
    running, wrong = 0, []
    for entry in entries:
        if entry.kind in (api.TRANSFER_KIND_PAYMENT, api.TRANSFER_KIND_FUNDING,
                          api.TRANSFER_KIND_DEFUND_MADE):
            running += -entry.amount.minor_units if entry.debit else entry.amount.minor_units
        if int(entry.balance_after.minor_units) != running:
            wrong.append(entry)
    check.equal("each entry says the balance after it", wrong, [])
    own = {one.currency_code: one for one in bank.balances()}
    check.equal("the last one is the balance", int(own["USD"].balance.minor_units), running)

    past = entries[len(entries) // 2].batch
    then = next(one for one in bank.balances(batch=past) if one.currency_code == "USD")
    last = [entry for entry in entries if entry.batch <= past][-1]
    check.equal("the balance as of an earlier batch",
                then.balance.minor_units, last.balance_after.minor_units)
    later = bank.entries(1000, currency_code="USD", from_batch=past)
    check.equal("entries from a batch on", later,
                [entry for entry in entries if entry.batch >= past])
    check.fails("a currency that nobody knows",
                lambda: bank.entries(currency_code="EURO"),
                Code.INVALID_ARGUMENT, "CURRENCY_INVALID", "currency_code")
    check.fails("a page of 1,001", lambda: bank.entries(1001, currency_code="USD"),
                Code.INVALID_ARGUMENT, "PAGE_SIZE", "page_size")


def strangers(day: Day) -> None:
    bank, other, third = day.ALBKGB2L, day.BRBKDEFF, day.CSBKUS33
    body = wire.set_bilateral_limit(third.number, "EUR", 123_456)
    check.equal("a bank sets a limit",
                other.execute(other.command(wire.SET_BILATERAL_LIMIT, body)).reason, 0)
    order = other.order(third, 250, "USD", TODAY, b"private", urgent=True)
    answer = day.submit(other, order)
    check.equal("two others pay", ruled(answer), ("SETTLED", "UNSPECIFIED"))
    position = answer.receipt.position
    payment, = other.payment(uetr(order), position)

    check.fails("a bank cannot read others' payments", lambda: bank.payment(uetr(order), position),
                Code.NOT_FOUND, "NOT_FOUND")
    for what, call in (("balances", lambda name: bank.balances(participant=name)),
                       ("entries", lambda name: bank.entries(participant=name,
                                                             currency_code="USD")),
                       ("limits", lambda name: bank.operator.ListLimits(
                           api.ListLimitsRequest(participant=name)))):
        for name in (B, "NOBODY"):
            check.fails(f"nor their {what} ({name} looks like nobody)", lambda: call(name),
                        Code.NOT_FOUND, "NOT_FOUND")
    check.equal("it sees its own balances only",
                {one.participant for one in bank.balances()}, {A})
    accounts = bank.operator.ListAccounts(api.ListAccountsRequest()).accounts
    check.equal("its own accounts only", {one.participant for one in accounts}, {A})
    limits = bank.operator.ListLimits(api.ListLimitsRequest()).limits
    check.equal("its own limits only", list(limits), [])
    limits = other.operator.ListLimits(api.ListLimitsRequest()).limits
    check.equal("the other its own",
                [(one.kind, one.participant, one.counterparty, one.limit) for one in limits],
                [("bilateral", B, C, 123_456)])
    mine = {one.account for one in accounts}
    batches = range(1, payment.batch + 1)
    moved = [transfer for number in batches for transfer in bank.transfers(number, 1000)]
    check("movements of its own only",
          moved and all({one.debit_account, one.credit_account} & mine for one in moved), moved)
    own = day.submit(bank, bank.order(third, 251, "USD", TODAY, uetr=uetr(order), urgent=True))
    check.equal("a UETR that another has used is free for it",
                ruled(own), ("SETTLED", "UNSPECIFIED"))
    check.fails("a bank is no auditor",
                lambda: bank.audit.SubscribeBatches(api.SubscribeBatchesRequest()),
                Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    check.fails("a regulator finds no payment that is not sealed for it",
                lambda: day.overseer.payment(uetr(order)), Code.NOT_FOUND, "NOT_FOUND")
    check.fails("nor reads it balances", lambda: day.overseer.balances(),
                Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
