"""Who is who, days, accounts, funds, and what may go wrong with a command."""

import uuid

from grpc import StatusCode as Code

import causeway_bytes as wire
from causeway_client import DEADLINE_S, Party, api, now_ms
from parts.day import HOUR_MS, TODAY, Day, check, reason


def who_is_who(day: Day) -> None:
    info = day.alice.pool_info()
    check.equal("the node's key is the one of the profile",
                info.operator_key, day.alice.operator_key.public_bytes_raw())
    rules = {field.name: getattr(info.rules, field.name) for field in info.rules.DESCRIPTOR.fields}
    check.equal("the rule book's hash can be built from what GetPool says",
                wire.rules_hash(wire.rule_book(**rules)), info.rules_hash)
    people = day.ALBKGB2L.operator.ListParticipants(api.ListParticipantsRequest()).participants
    check.equal("a bank finds the others' numbers",
                {one.name: one.id for one in people if one.role == "bank"},
                {bank.name: bank.number for bank in day.banks})
    check("a bank does not see queues", info.queues and not day.ALBKGB2L.pool_info().queues)
    health = day.alice.channel.unary_unary("/grpc.health.v1.Health/Check")
    check.equal("the node is healthy (SERVING)", health(b"", timeout=DEADLINE_S), b"\x08\x01")


def opening(day: Day) -> None:
    results = []
    for currency in ("EUR", "USD"):
        body = wire.open_day(currency, TODAY, now_ms() + HOUR_MS, now_ms() + 2 * HOUR_MS)
        results.append(day.alice.execute(day.alice.command(wire.OPEN_DAY, body)).reason)
        for bank in day.banks:
            body = wire.open_account(bank.number, currency, 0)
            results.append(day.alice.execute(day.alice.command(wire.OPEN_ACCOUNT, body)).reason)
    check.equal("days and accounts open", results, [0] * 8)
    days = day.BRBKDEFF.operator.ListDays(api.ListDaysRequest()).days
    check.equal("the days are open for everybody to see",
                {one.currency_code for one in days if one.open and one.date == TODAY},
                {"EUR", "USD"})
    for bank in (day.ALBKGB2L, day.BRBKDEFF):
        body = wire.fund(bank.number, "USD", 1_000_000, uuid.uuid4().bytes)
        answer = day.agent.execute(day.agent.command(wire.FUND, body))
        check.equal(f"{bank.name} is funded", (answer.reason, answer.replayed), (0, False))


def commands(day: Day) -> None:
    agent, number = day.agent, day.CSBKUS33.number
    pay_in, request_id = uuid.uuid4().bytes, uuid.uuid4().bytes
    command = agent.command(wire.FUND, wire.fund(number, "USD", 500, pay_in), request_id)
    first, again = agent.execute(command), agent.execute(command)
    check.equal("a command again is carried out once",
                (first.reason, again.reason, again.replayed), (0, 0, True))
    check("the position is each attempt's own", again.position > first.position, again)
    other = agent.command(wire.FUND, wire.fund(number, "USD", 501, pay_in), request_id)
    check.equal("another command under the same request id is refused",
                agent.execute(other).reason, reason("REQUEST_REUSED"))
    other = agent.command(wire.FUND, wire.fund(number, "USD", 500, pay_in))
    check.equal("a pay-in is credited once", agent.execute(other).reason, reason("PAY_IN_REUSED"))
    for what, issued_at in (("an old command", now_ms() - HOUR_MS),
                            ("a command of the future", now_ms() + HOUR_MS)):
        stale = wire.command(wire.FUND, agent.pool, uuid.uuid4().bytes, agent.number, issued_at,
                             wire.fund(number, "USD", 500, uuid.uuid4().bytes))
        check.equal(f"{what} is refused", agent.execute(stale).reason, reason("COMMAND_STALE"))
    check.fails("nothing cannot be paid in", lambda: agent.execute(agent.command(
        wire.FUND, wire.fund(number, "USD", 0, uuid.uuid4().bytes))),
                Code.INVALID_ARGUMENT, "COMMAND_INVALID", "command.amount")

    bank = day.ALBKGB2L
    body = wire.open_account(bank.number, "GBP", 10**6)
    check.fails("a bank cannot open accounts",
                lambda: bank.execute(bank.command(wire.OPEN_ACCOUNT, body)),
                Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    check.fails("nobody gives commands for somebody else",
                lambda: bank.execute(day.alice.command(wire.OPEN_ACCOUNT, body)),
                Code.INVALID_ARGUMENT, "OTHER_MAKER", "command.maker")
    command = day.alice.command(wire.OPEN_ACCOUNT, body)
    forged = api.ExecuteCommandRequest(
        command=command, signature=bank.sign(wire.command_statement(command)))
    check.fails("a command needs its maker's signature",
                lambda: day.alice.operator.ExecuteCommand(forged),
                Code.INVALID_ARGUMENT, "SIGNATURE_INVALID", "signature")
    check.fails("a command with bytes left over is refused",
                lambda: day.alice.execute(command + b"\0"),
                Code.INVALID_ARGUMENT, "COMMAND_INVALID", "command")
    check.fails("a command of no known kind is refused",
                lambda: day.alice.execute(day.alice.command(99)),
                Code.INVALID_ARGUMENT, "COMMAND_INVALID", "command.kind")
    check.fails("the clock of this node cannot be set",
                lambda: day.alice.operator.AdvanceClock(api.AdvanceClockRequest()),
                Code.FAILED_PRECONDITION, "CLOCK_RUNS")


def second_person(day: Day) -> None:
    alice, bob = day.alice, day.bob
    rules = alice.pool_info().rules
    fields = {field.name: getattr(rules, field.name) for field in rules.DESCRIPTOR.fields}

    def set_rules(version: int, two_person: list[int], checker: Party | None = None) -> int:
        book = wire.rule_book(**fields | {"version": version, "two_person": two_person})
        return alice.execute(alice.command(wire.SET_RULES, book), checker).reason

    check.equal("a rule book's version counts up by one",
                set_rules(rules.version + 2, []), reason("RULES_VERSION"))
    check.equal("new rules are taken", set_rules(rules.version + 1, [wire.SET_RULES]), 0)
    check.equal("from now on two people are needed",
                set_rules(rules.version + 2, []), reason("CHECKER_REQUIRED"))
    check.equal("one person is not two",
                set_rules(rules.version + 2, [], alice), reason("CHECKER_INVALID"))
    check.fails("an agent is no second operator",
                lambda: set_rules(rules.version + 2, [], day.agent),
                Code.INVALID_ARGUMENT, "CHECKER_UNKNOWN", "checker")
    check.equal("two people are", set_rules(rules.version + 2, [], bob), 0)
    check.equal("the version is counted", alice.pool_info().rules_version, rules.version + 2)
