#!/usr/bin/env python3
"""IB's own client (`ibapi-latest` 10.51.1), unmodified, at 226 and forced to 178 by `--max-server-version 178`.

Plays one session against two simulators that differ in nothing but that, on a Saturday, when prices stand still, and compares
what the client is called back with, callback by callback and field by field. Then trades on a Friday in both.
"""

from decimal import Decimal

import dialects
from dialects import PROTOBUF, TEXT, Client, bag, contract, order, scan, tags, wsh
from harness import FRIDAY, SATURDAY, Sim, check, finish, told
from ibapi.execution import ExecutionFilter
from ibapi.order_cancel import OrderCancel

ACCOUNT = "DUSIM00001"
CALL = {"secType": "OPT", "lastTradeDateOrContractMonth": "20261218", "right": "C", "strike": 270.0, "tradingClass": "AAPL"}

# What the session asks besides the requests of dialects.py: name, request, the callback that ends the answer.
MORE = [
    ("snapshot", lambda c: c.reqMktData(100, contract(), "", True, False, []), "tickSnapshotEnd"),
    ("an option's snapshot", lambda c: c.reqMktData(101, contract(**CALL), "", True, False, []), "tickSnapshotEnd"),
    ("chain", lambda c: c.reqSecDefOptParams(102, "AAPL", "", "STK", 265598), "securityDefinitionOptionParameterEnd"),
    ("option contract", lambda c: c.reqContractDetails(103, contract(**CALL)), "contractDetailsEnd"),
    ("option price", lambda c: c.calculateOptionPrice(104, contract(**CALL), 0.25, 272.0, []), "tickOptionComputation"),
    ("implied volatility", lambda c: c.calculateImpliedVolatility(105, contract(**CALL), 9.5, 272.0, []), "tickOptionComputation"),
    ("depth exchanges", lambda c: c.reqMktDepthExchanges(), "mktDepthExchanges"),
    ("smart components", lambda c: c.reqSmartComponents(106, "9c0001"), "smartComponents"),
    ("histogram", lambda c: c.reqHistogramData(107, contract(), True, "3 days"), "histogramData"),
    (
        "past trades",
        lambda c: c.reqHistoricalTicks(108, contract(), "", "20261120 10:00:00 US/Eastern", 10, "TRADES", 1, True, []),
        "historicalTicksLast",
    ),
    (
        "past quotes",
        lambda c: c.reqHistoricalTicks(109, contract(), "", "20261120 10:00:00 US/Eastern", 10, "BID_ASK", 1, True, []),
        "historicalTicksBidAsk",
    ),
    (
        "past midpoints",
        lambda c: c.reqHistoricalTicks(110, contract(), "", "20261120 10:00:00 US/Eastern", 10, "MIDPOINT", 1, True, []),
        "historicalTicks",
    ),
    ("scanner parameters", lambda c: c.reqScannerParameters(), "scannerParameters"),
    ("scanner", lambda c: c.reqScannerSubscription(111, scan(), [], tags(usdMarketCapAbove="10000")), "scannerDataEnd"),
    ("scanner's cancel", lambda c: c.cancelScannerSubscription(111), "error"),
    ("unknown scanner", lambda c: c.cancelScannerSubscription(112), "error"),
    ("wsh meta data", lambda c: c.reqWshMetaData(113), "wshMetaData"),
    ("wsh events", lambda c: c.reqWshEventData(114, wsh()), "wshEventData"),
    ("advisors", lambda c: c.requestFA(1), "error"),
    ("advisors' change", lambda c: c.replaceFA(115, 1, "<xml/>"), "error"),
    ("soft dollar tiers", lambda c: c.reqSoftDollarTiers(116), "softDollarTiers"),
    ("display groups", lambda c: c.queryDisplayGroups(117), "displayGroupList"),
    ("a group's contract", lambda c: c.subscribeToGroupEvents(118, 1), "displayGroupUpdated"),
    ("a group's change", lambda c: c.updateDisplayGroup(118, "265598@SMART"), "displayGroupUpdated"),
    ("P&L", lambda c: c.reqPnL(119, ACCOUNT, ""), "pnl"),
    ("P&L of a position", lambda c: c.reqPnLSingle(120, ACCOUNT, "", 265598), "pnlSingle"),
    ("no such P&L", lambda c: c.cancelPnL(121), "error"),
    ("what-if", lambda c: c.placeOrder(1, contract(), order(whatIf=True, tif="GTC")), "openOrder"),
    ("what-if of a combo", lambda c: c.placeOrder(2, bag(), order(whatIf=True, tif="GTC", lmtPrice=-400.0)), "openOrder"),
    ("a resting order", lambda c: c.placeOrder(3, contract(), order(tif="GTC", lmtPrice=100.0)), "orderStatus"),
    ("its cancel", lambda c: c.cancelOrder(3, OrderCancel()), "error"),
    ("cancel of no order", lambda c: c.cancelOrder(99, OrderCancel()), "error"),
    ("a bad order", lambda c: c.placeOrder(4, contract(), order(orderType="NONSENSE")), "error"),
    ("completed orders", lambda c: c.reqCompletedOrders(False), "completedOrdersEnd"),
    ("next order id", lambda c: c.reqIds(1), "nextValidId"),
]

# Fields that are the moment's: times of orders and errors, and what follows from them.
MOMENT = {("error", "1"), ("completedOrder", "2.completedTime"), ("completedOrder", "1.autoCancelDate")}


def session(name, version, clock, requests):
    """The callbacks of each request, on a simulator of its own."""
    limit = [] if version == PROTOBUF else ["--max-server-version", str(TEXT)]
    with Sim(f"{name} at {version}", *limit, "--pacing", "false", clock=clock) as sim:
        client = Client(PROTOBUF, sim.host, sim.port, 7)
        check(f"{name}: server version {version}", client.serverVersion() == version, client.serverVersion())
        answers = []
        for what, request, end in requests:
            try:
                answers.append((what, client.ask(request, end)))
            except TimeoutError as error:
                answers.append((what, []))
                told(f"{name} at {version}: {what}", error)
        client.disconnect()
    return answers


def compared(name, text, protobuf):
    count = 0
    for (what, one), (_, two) in zip(text, protobuf):
        found = [row for row in dialects.compare(what, one, two) if not any(f"{call} {path}:" in row for call, path in MOMENT)]
        check(f"{name}: {what} is the same in both ({len(one)} callbacks)", one and not found, found or "no callback")
        count += len(one)
    print(f"{count} callbacks compared", flush=True)


def standing_still():
    requests = dialects.ANSWERED + MORE
    protobuf = session("official", PROTOBUF, SATURDAY, requests)
    text = session("official", TEXT, SATURDAY, requests)
    compared("official", text, protobuf)
    errors = {what: [row[1][2] for row in rows if row[0] == "error"] for what, rows in text}
    wanted = {
        "no contract": 200, "scanner's cancel": 162, "unknown scanner": 365, "advisors": 321, "cancel of no order": 10147, "its cancel": 202
    }
    for what, code in wanted.items():
        check(f"official: {what} is told with {code}", code in errors[what], errors[what])


def trading():
    """A market order fills alike in both: the same callbacks in the same order."""
    requests = [
        ("market order", lambda c: c.placeOrder(1, contract(), order(orderType="MKT", lmtPrice=0.0)), "commissionAndFeesReport"),
        ("bracket", bracket, None),
        ("open orders", lambda c: c.reqOpenOrders(), "openOrderEnd"),
        ("all cancelled", lambda c: c.reqGlobalCancel(OrderCancel()), "error"),
        ("executions", lambda c: c.reqExecutions(5, ExecutionFilter()), "execDetailsEnd"),
    ]
    runs = [session("official, trading", version, FRIDAY, requests) for version in (TEXT, PROTOBUF)]
    for (what, one), (_, two) in zip(*runs):
        names = [sorted(name for name, _ in rows) for rows in (one, two)]
        check(f"official: {what} calls back the same", names[0] and names[0] == names[1], names)
    fills = [args[1] for name, args in runs[0][4][1] if name == "execDetails"]
    check("official: the fill is AAPL's", len(fills) == 1 and fills[0]["symbol"] == "AAPL", fills)


def bracket(client):
    client.placeOrder(2, contract(), order(lmtPrice=100.0, transmit=False))
    client.placeOrder(3, contract(), order(action="SELL", lmtPrice=900.0, parentId=2, transmit=False))
    client.placeOrder(4, contract(), order(action="SELL", orderType="STP", auxPrice=90.0, lmtPrice=0.0, parentId=2, totalQuantity=Decimal("3")))


def one_gateway():
    """Both dialects against one simulator: also what is asked arrives alike, as the journal has it."""
    with Sim("official, one gateway", "--pacing", "false", clock=SATURDAY) as sim:
        # The second session sees the orders that the first one left, which the sessions below do not.
        found = [row for row in dialects.live(f"{sim.host}:{sim.port}", sim.control) if not row.startswith("completed: calls")]
        check("official: both dialects ask and are answered alike", not found, found)


one_gateway()
standing_still()
trading()
finish()
