"""The bytes that are signed and hashed, built from docs/reference/signing.md alone.

Needs nothing but the standard library. Amounts are minor units, times milliseconds since
1970-01-01T00:00:00Z, days the number yyyymmdd.
"""

import hashlib
import struct
import uuid

HEADER_BYTES = 192
BATCH_HEADER = struct.Struct(">16sIQQQQII32s32s32s32s32s32s")
BATCH_FIELDS = ("label", "pool", "number", "first_position", "last_position", "sealed_at_ms",
                "payment_count", "transfer_count", "orders_root", "nets_hash", "transfers_hash",
                "certificates_hash", "previous_hash", "state_root")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# Orders


def order_header(*, pool, sender, receiver, uetr, kind, currency, amount, value_date, created_at,
                 payload, urgent=False, priority_class=0, not_before=0, not_after=0,
                 link_group=bytes(16), link_members=0, counter_currency=None, counter_amount=0,
                 limit_rate=(0, 0)) -> bytes:
    """The 192-byte header of an order of suite 0; a limit rate is (mantissa, scale)."""
    header = struct.pack(
        ">BBHIII16sHBB3sBQIIQQQ16s", 1, int(urgent), 0, pool, sender, receiver,
        uuid.UUID(uetr).bytes, kind, priority_class, link_members, currency.encode(), 0, amount,
        value_date, 0, created_at, not_before, not_after, link_group)
    counter = counter_currency.encode() if counter_currency else bytes(3)
    header += bytes(152 - len(header)) + struct.pack(
        ">3sBQIQ", counter, limit_rate[1], limit_rate[0], len(payload), counter_amount)
    return header + bytes(HEADER_BYTES - len(header))


def order_digest(header: bytes, payload: bytes) -> bytes:
    return sha256(b"ppc/1 order" + sha256(b"ppc/1 hdr" + header) + sha256(payload) + sha256(b""))


def link_terms(*, sender, receiver, kind, uetr, currency, amount, value_date) -> bytes:
    """What the number of a link group says of one of its members."""
    return struct.pack(">IIH16s3sQI", sender, receiver, kind, uuid.UUID(uetr).bytes,
                       currency.encode(), amount, value_date)


def link_group(members: list[bytes]) -> bytes:
    """The number of the link group whose members have these terms."""
    return sha256(b"causeway/1 link" + b"".join(sorted(members)))[:16]


def merkle_root(entries: list[bytes]) -> bytes:
    """RFC 6962 section 2.1."""
    if not entries:
        return sha256(b"")
    if len(entries) == 1:
        return sha256(b"\0" + entries[0])
    split = 1 << (len(entries) - 1).bit_length() - 1
    return sha256(b"\1" + merkle_root(entries[:split]) + merkle_root(entries[split:]))


def batch_statement(pool: int, sender: int, digests: list[bytes]) -> bytes:
    return (b"ppc/1 batch" + struct.pack(">II16sQI", pool, sender, bytes(16), 0, len(digests))
            + merkle_root(digests))


# What the operator signs


def receipt_statement(pool, position, received_at, rules_hash, count, root) -> bytes:
    return (b"causeway/1 receipt" + struct.pack(">IQQ", pool, position, received_at) + rules_hash
            + struct.pack(">I", count) + root)


def decision(digest, place, ruling, reason, decided_at) -> bytes:
    return digest + struct.pack(">QBHQ", place, ruling, reason, decided_at)


def decisions_statement(pool, position, decisions: list[bytes]) -> bytes:
    return (b"causeway/1 decisions" + struct.pack(">IQI", pool, position, len(decisions))
            + merkle_root(decisions))


# Commands


def command(kind: int, pool: int, request_id: bytes, maker: int, issued_at: int,
            body: bytes) -> bytes:
    return struct.pack(">BHI16sIQ", 1, kind, pool, request_id, maker, issued_at) + body


def command_statement(command_bytes: bytes) -> bytes:
    return b"causeway/1 command" + command_bytes


SET_STATUS, OPEN_ACCOUNT, FUND, DEFUND, CONFIRM_DEFUND, SET_BILATERAL_LIMIT = 2, 3, 5, 6, 7, 8
OPEN_DAY, SET_RULES, CANCEL, RUN_CYCLE, SET_QUOTES = 12, 16, 17, 19, 20
BID, ASK = 1, 2


def set_status(participant: int, active: bool) -> bytes:
    return struct.pack(">IB", participant, 1 if active else 2)


def open_account(participant: int, currency: str, credit_line: int) -> bytes:
    return struct.pack(">I3sQ", participant, currency.encode(), credit_line)


def fund(participant: int, currency: str, amount: int, pay_in: bytes) -> bytes:
    return struct.pack(">I3sQ16s", participant, currency.encode(), amount, pay_in)


def defund(currency: str, amount: int) -> bytes:
    return struct.pack(">3sQ", currency.encode(), amount)


def confirm_defund(request_id: bytes, made: bool) -> bytes:
    return struct.pack(">16sB", request_id, int(made))


def set_bilateral_limit(counterparty: int, currency: str, limit: int | None) -> bytes:
    option = b"\0" if limit is None else struct.pack(">BQ", 1, limit)
    return struct.pack(">I3s", counterparty, currency.encode()) + option


def open_day(currency: str, date: int, cut_off_at: int, closes_at: int) -> bytes:
    return struct.pack(">3sIQQ", currency.encode(), date, cut_off_at, closes_at)


def cancel(uetr: str, kind: int) -> bytes:
    return struct.pack(">16sH", uuid.UUID(uetr).bytes, kind)


def set_quotes(base: str, quote: str, quotes: list[tuple[int, int, tuple[int, int], int]]) -> bytes:
    """Quotes are (side, size, (mantissa, scale) of the rate, not after)."""
    return struct.pack(">3s3sB", base.encode(), quote.encode(), len(quotes)) + b"".join(
        struct.pack(">BQBQQ", side, size, scale, mantissa, not_after)
        for side, size, (mantissa, scale), not_after in quotes)


def rule_book(*, version, currency_codes, cycle_ms, seal_ms, netting, proposal_timeout_ms,
              dedupe_horizon_ms, dedupe_entries_max, queue_max, clock_jump_max_ms,
              warehouse_days_max, close, unmatched_ms, match_ms, rewrap_within_ms,
              two_person, class_weights,
              currency_weights, ageing_cycles, solver_steps,
              cross_at_midpoint) -> bytes:
    """The body of SetRules; the fields are those of the message RuleBook."""
    return b"".join((
        struct.pack(">IB", version, len(currency_codes)), "".join(currency_codes).encode(),
        struct.pack(">IIBIQIIQHBIII", cycle_ms, seal_ms, netting, proposal_timeout_ms,
                    dedupe_horizon_ms, dedupe_entries_max, queue_max, clock_jump_max_ms,
                    warehouse_days_max, close, unmatched_ms, match_ms, rewrap_within_ms),
        struct.pack(f">B{len(two_person)}H", len(two_person), *two_person),
        struct.pack(f">4I{len(currency_weights)}I2IB", *class_weights, *currency_weights,
                    ageing_cycles, solver_steps, cross_at_midpoint)))


def rules_hash(rule_book_bytes: bytes) -> bytes:
    return sha256(b"causeway/1 rules" + rule_book_bytes)


# Sealed batches


def sealed_header(header: bytes) -> dict:
    """The fields of a sealed batch's canonical header."""
    fields = dict(zip(BATCH_FIELDS, BATCH_HEADER.unpack(header), strict=True))
    if fields.pop("label") != b"causeway/1 batch":
        raise ValueError("not the header of a sealed batch")
    return fields


def nets_hash(nets: list[tuple[int, str, int]]) -> bytes:
    """Over (participant, currency, credits minus debits)."""
    return sha256(b"causeway/1 nets" + b"".join(
        struct.pack(">I3s", participant, currency.encode()) + net.to_bytes(16, "big", signed=True)
        for participant, currency, net in nets))


def certificates_hash(certificates) -> bytes:
    """Over messages Certificate; zeros if there are none."""
    if not certificates:
        return bytes(32)
    parts = [b"causeway/1 certificates"]
    for one in certificates:
        parts.append(struct.pack(">QBII", one.cycle, one.basis, one.candidate_count,
                                 one.settled_count))
        sums = (one.value, one.fifo_value, one.bound, *one.value_by_class)
        parts.extend(int(value).to_bytes(16, "big") for value in sums)
        parts.append(struct.pack(">HQ32s", one.solver, one.steps, one.prices_hash))
    return sha256(b"".join(parts))


def transfers_hash(transfers: list[tuple[int, int, int, int, int, int]]) -> bytes:
    """Over (place, origin, kind, debit account, credit account, amount)."""
    return sha256(b"causeway/1 transfers" + b"".join(
        struct.pack(">QQBIIQ", *transfer) for transfer in transfers))
