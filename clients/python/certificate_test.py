"""Checks the cuts of docs/reference/certificate-vectors.json with certificate.py, and that every
change that matters is noticed.

Run: python3 clients/python/certificate_test.py
"""

import copy
import json
import pathlib
import sys

from certificate import Wrong, check

VECTORS = pathlib.Path(__file__).parents[2] / "docs/reference/certificate-vectors.json"


def add(holder, key, more: int) -> None:
    """Adds to a number that is written as a string."""
    holder[key] = str(int(holder[key]) + more)


def lies(cut: dict):
    """Changes to a cut, each by name."""
    stated = cut["certificate"]
    for name in ("value", "fifo_value", "bound", "gap"):
        yield f"{name} + 1", lambda it, name=name: add(it["certificate"], name, 1)
    yield "a batch of another number", lambda it: it["batch"].update(number=0)
    yield "another hash", lambda it: it["batch"].update(hash="00" * 32)
    yield "a payment less", lambda it: it["settled"].pop()
    open_places = [it["place"] for it in cut["candidates"] if it["place"] not in cut["settled"]]
    if open_places:
        settled = sorted([*cut["settled"], open_places[0]], key=int)
        yield "a payment more", lambda it: it.update(settled=settled)
    paid = next(at for at, it in enumerate(cut["candidates"]) if it["place"] in cut["settled"])
    yield "an amount", lambda it: add(it["candidates"][paid], "amount", 1)
    yield "nobody has money", lambda it: [row.update(liquidity="0") for row in it["accounts"]]
    if stated["basis"] == 2:
        yield "a price", lambda it: add(it["prices"]["accounts"], 0, 1)
    if stated["basis"] != 1:
        yield "no floor is missed", lambda it: it["candidates"][-1].update(floor=True)
    members = [row for row in cut["candidates"]
               if row["group"] is not None and row["place"] in cut["settled"]]
    if members:
        place = members[0]["place"]
        yield "half a group", lambda it: it["settled"].remove(place)
        yield "a group that lacks a member", lambda it: it["broken_groups"].append(
            members[0]["group"])


def main() -> int:
    failed = 0
    cuts = json.loads(VECTORS.read_text())
    for cut in cuts:
        try:
            check(cut)
        except Wrong as why:
            print(f"cycle {cut['cycle']}: {why}")
            failed += 1
        for name, lie in lies(cut):
            changed = copy.deepcopy(cut)
            lie(changed)
            if changed == cut:
                continue
            try:
                check(changed)
                print(f"cycle {cut['cycle']}: not noticed: {name}")
                failed += 1
            except Wrong:
                pass
    print(f"{len(cuts)} cuts, {failed} failed")
    return 1 if failed or not cuts else 0


if __name__ == "__main__":
    sys.exit(main())
