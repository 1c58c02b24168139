#!/usr/bin/env python3
"""optopsy 2.2.0 on chains that the product has written: `optopsy_chain.py ENTRY EXIT`, two files of one expiration and two days.

Both are what `GET /options/chain/{symbol}/{expiration}?format=optopsy` answers; `.csv` is read by optopsy itself, the `rows` of
`.json` become a DataFrame. Strategies run from the first day to the second, and every trade is compared with one that is
calculated here from the bare rows. Prints a line of JSON per check: {"name", "problem"}, where a problem of null means that it passed.
"""

import csv
import json
import math
import sys

import optopsy
import pandas

# csv_data finds columns by their place; the first eight are where it looks by default.
COLUMNS = ["underlying_symbol", "underlying_price", "option_type", "expiration", "quote_date", "strike", "bid", "ask"]
COLUMNS += ["delta", "gamma", "theta", "vega", "implied_volatility", "volume", "open_interest"]
MORE = {name: place for place, name in enumerate(COLUMNS) if name in ("delta", "gamma", "theta", "vega", "volume", "open_interest")}
# optopsy enters no trade at or below this price.
LEAST_PRICE = 0.05
DELTAS = (0.3, 0.7)


def check(name, problem):
    print(json.dumps({"name": f"optopsy: {name}", "problem": None if problem is None else str(problem)[:2000]}), flush=True)


def bare(path):
    """The rows without optopsy and pandas: {(type, strike): row}, and the column names."""
    with open(path, encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file)) if path.endswith(".csv") else json.load(file)["rows"]
    rows = {}
    for row in listed:
        prices = {name: math.nan if row[name] in ("", None) else float(row[name]) for name in ("bid", "ask", "delta", "underlying_price")}
        rows[row["option_type"], float(row["strike"])] = {**row, **prices, "mid": (prices["bid"] + prices["ask"]) / 2}
    if len(rows) != len(listed):
        raise ValueError("a contract stands twice")
    return rows, list(listed[0])


def frame(path):
    if path.endswith(".csv"):
        return optopsy.csv_data(path, **MORE)
    with open(path, encoding="utf-8") as file:
        data = pandas.DataFrame(json.load(file)["rows"])
    for name in ("expiration", "quote_date"):
        data[name] = pandas.to_datetime(data[name])
    return data


def days_left(rows):
    (days,) = {(pandas.Timestamp(row["expiration"]) - pandas.Timestamp(row["quote_date"])).days for row in rows.values()}
    return days


def differences(trades, wanted):
    """`wanted`: {what names a trade: (entry, exit, change)}, all of which, and nothing else, must be among `trades`."""
    wrong = [f"not traded: {key}" for key in wanted.keys() - trades.keys()]
    for key, seen in trades.items():
        if key not in wanted or not all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(seen, wanted[key])):
            wrong.append(f"{key}: optopsy {seen}, by hand {wanted.get(key)}")
    if not wanted:
        wrong.append("there is nothing to trade")
    return "; ".join(wrong) or None


def traded(table, key, entry, leave):
    return {tuple(row[name] for name in key): (row[entry], row[leave], row["pct_change"]) for row in table.to_dict("records")}


def change(entry, leave):
    return entry, leave, (leave - entry) / abs(entry)


def sold_and_bought(entry, leave, kind):
    """Contracts that optopsy enters, and leaves with a price."""
    return [key for key in sorted(entry.keys() & leave.keys()) if key[0] == kind and min(entry[key]["bid"], entry[key]["ask"]) > LEAST_PRICE]


def main():
    paths = sys.argv[1:3]
    (entry, columns), (leave, _) = (bare(path) for path in paths)
    check("the columns are the ones it reads, in its order", None if columns == COLUMNS else columns)
    prices = [{row["underlying_price"] for row in rows.values()} for rows in (entry, leave)]
    check("a chain has one underlying price", None if all(len(price) == 1 for price in prices) else prices)
    data = pandas.concat([frame(path) for path in paths], ignore_index=True)
    check("it reads every row", None if len(data) == len(entry) + len(leave) else data)
    days = days_left(entry), days_left(leave)
    check("the second day is later", None if days[0] > days[1] >= 0 else days)
    options = {"exit_dte": days[1], "max_entry_dte": days[0] + 1, "raw": True}

    for strategy, kind in [(optopsy.long_calls, "call"), (optopsy.long_puts, "put")]:
        wanted = {key[1:]: change(entry[key]["mid"], leave[key]["mid"]) for key in sold_and_bought(entry, leave, kind)}
        trades = traded(strategy(data, **options), ["strike"], "entry", "exit")
        check(f"{strategy.__name__}: {len(wanted)} trades as by hand", differences(trades, wanted))

    least, most = DELTAS
    wanted = {
        key[1:]: change(entry[key]["mid"], leave[key]["mid"])
        for key in sold_and_bought(entry, leave, "call")
        if least <= entry[key]["delta"] <= most
    }
    trades = traded(optopsy.long_calls(data, delta_min=least, delta_max=most, **options), ["strike"], "entry", "exit")
    check(f"long_calls by delta: {len(wanted)} trades as by hand", differences(trades, wanted))

    strikes = [strike for _, strike in sold_and_bought(entry, leave, "call")]
    wanted = {
        (low, high): change(
            entry["call", low]["mid"] - entry["call", high]["mid"], leave["call", low]["mid"] - leave["call", high]["mid"]
        )
        for low in strikes
        for high in strikes
        if low < high
    }
    table = optopsy.long_call_spread(data, **options)
    trades = traded(table, ["strike_leg1", "strike_leg2"], "total_entry_cost", "total_exit_proceeds")
    check(f"long_call_spread: {len(wanted)} trades as by hand", differences(trades, wanted))

    # It joins call and put by the price of the underlying too.
    both = {strike for _, strike in sold_and_bought(entry, leave, "put")} & set(strikes)
    wanted = {
        (strike,): change(sum(entry[kind, strike]["mid"] for kind in ("call", "put")), sum(leave[kind, strike]["mid"] for kind in ("call", "put")))
        for strike in both
    }
    trades = traded(optopsy.long_straddles(data, **options), ["strike"], "total_entry_cost", "total_exit_proceeds")
    check(f"long_straddles: {len(wanted)} trades as by hand", differences(trades, wanted))

    statistics = optopsy.long_calls(data, **{**options, "raw": False})
    check("long_calls: its statistics count every trade", None if statistics["count"].sum() == len(strikes) else statistics)


if __name__ == "__main__":
    main()
