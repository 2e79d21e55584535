"""The chain of sealed batches, a restart, and a replay."""

import collections

import causeway_bytes as wire
from causeway_client import DEADLINE_S, Party, api, encoded
from parts.day import A, TODAY, Day, check, only
from parts.reading import follow, seen


def subscribe(auditor: Party, until: int, token: bytes = b""):
    """The batches up to this number, each with the token behind it."""
    request = api.SubscribeBatchesRequest(resume_token=token)
    stream = auditor.audit.SubscribeBatches(request, timeout=2 * DEADLINE_S)
    found = []
    for message in stream:
        if message.HasField("batch"):
            found.append((message.batch, message.resume_token))
            if message.batch.number >= until:
                break
    stream.cancel()
    return found


def auditing(day: Day) -> None:
    auditor = day.overseer
    day.alice.balances(at_least_position=day.alice.pool_info().next_position - 1)
    info = auditor.pool_info()
    told = subscribe(auditor, info.batch)
    batches = [batch for batch, _ in told]
    check.equal("every batch, none twice",
                [batch.number for batch in batches], list(range(1, len(batches) + 1)))
    check.equal("the hash is that of the header",
                [batch.number for batch in batches if wire.sha256(batch.header) != batch.hash], [])
    names = ("pool", "number", "first_position", "last_position", "sealed_at_ms", "payment_count",
             "transfer_count", "orders_root", "previous_hash", "state_root")
    headers = [wire.sealed_header(batch.header) for batch in batches]
    check.equal("the header says what the message says",
                [batch.number for batch, header in zip(batches, headers)
                 if any(getattr(batch, name) != header[name] for name in names)], [])
    check.equal("each holds the hash of the one before",
                [batch.previous_hash for batch in batches],
                [bytes(32)] + [batch.hash for batch in batches[:-1]])
    check.equal("each begins behind the one before",
                [batch.first_position for batch in batches],
                [0] + [batch.last_position + 1 for batch in batches[:-1]])
    if batches[-1].number == auditor.pool_info().batch:
        check.equal("the last state root is the pool's",
                    batches[-1].state_root, auditor.pool_info().state_root)
    half = len(told) // 2
    rest = subscribe(auditor, batches[-1].number, told[half - 1][1])
    check.equal("stopped and resumed: the same batches",
                [batch for batch, _ in rest], batches[half:])

    people = day.alice.operator.ListParticipants(api.ListParticipantsRequest()).participants
    numbers = {one.name: one.id for one in people}
    accounts = {one.account: one
                for one in day.alice.operator.ListAccounts(api.ListAccountsRequest()).accounts}
    wrong = []
    for batch, header in zip(batches, headers):
        moved = day.alice.transfers(batch.number, 1000)
        payments = [one for one in moved if one.kind == api.TRANSFER_KIND_PAYMENT]
        nets = collections.Counter()
        for one in payments:
            for account, sign in ((one.debit_account, -1), (one.credit_account, 1)):
                key = (numbers[accounts[account].participant], one.amount.currency_code)
                nets[key] += sign * one.amount.minor_units
        told_nets = [(numbers[one.participant], one.net.currency_code, int(one.net.minor_units))
                     for one in batch.nets]
        held = {
            "counts": (len(moved), len(payments)) == (batch.transfer_count, batch.payment_count),
            "nets": dict(((who, what), net) for who, what, net in told_nets)
                    == {key: net for key, net in nets.items() if net},
            "nets hash": wire.nets_hash(told_nets) == header["nets_hash"],
            "certificates hash": wire.certificates_hash(batch.certificates)
                                 == header["certificates_hash"],
            "gap": all(int(one.fifo_value) <= int(one.value) <= int(one.bound)
                       for one in batch.certificates),
            "transfers hash": wire.transfers_hash(
                [(one.place, one.origin, one.kind, one.debit_account, one.credit_account,
                  one.amount.minor_units) for one in moved]) == header["transfers_hash"],
            "orders root": wire.merkle_root([day.digests.get(one.place, b"") for one in payments])
                           == batch.orders_root,
        }
        wrong += [(batch.number, what) for what, right in held.items() if not right]
    check.equal("counts, nets, hashes and roots follow from the movements and the orders",
                wrong, [])
    check("there was something to check",
          sum(batch.payment_count for batch in batches) > 1000, batches)
    day.audited = told


def restarted(day: Day) -> None:
    order, decision = day.first
    last = day.ALBKGB2L.order(day.BRBKDEFF, 100, "USD", TODAY, urgent=True)
    last_decision = only(day.submit(day.ALBKGB2L, last))
    day.node.kill()
    day.node.start()
    check.equal("killed and started: what was decided last stands",
                encoded(only(day.submit(day.ALBKGB2L, last))), encoded(last_decision))
    check.equal("asked to end, the node ends well", day.node.stop(), 0)
    day.node.start()
    bank = day.ALBKGB2L
    again = day.submit(bank, order)
    check.signed("after a restart: signed with the same key", bank, [order], again)
    check.equal("after a restart: the first payment's decision, byte for byte",
                (encoded(only(again)), only(again).replayed), (decision, True))
    mark = bank.order(day.BRBKDEFF, 100, "USD", TODAY, urgent=True)
    place = only(day.submit(bank, mark)).place
    tail = follow(day.BRBKDEFF, lambda messages: place in dict(seen(messages)),
                  day.watch_token)
    received = [payment.place for message in tail for payment in message.payments
                if payment.sender == A]
    check.equal("a watch goes on where it was", received, [last_decision.place, place])
    known, (_, token) = [batch for batch, _ in day.audited], day.audited[0]
    rest = subscribe(day.overseer, len(known), token)
    check.equal("and so does the audit stream", [batch for batch, _ in rest], known[1:])


def verified(day: Day) -> None:
    last = subscribe(day.overseer, day.alice.pool_info().batch)[-1][0]
    check.equal("the node ends well again", day.node.stop(), 0)
    found = day.node.verify()
    check.equal("a replay of the log reaches the root that the auditor was given",
                (found.get("exit"), found.get("ok"), found.get("state_root")),
                (0, True, last.state_root.hex()))
