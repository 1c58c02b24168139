#!/usr/bin/env python3
"""The simulator's two dialects, read by clients that are not ours.

    dialects.py frames FILE              every event in both dialects, through the decoders of ib_async
                                         (text) and of IB's own client (text and protobuf)
    dialects.py live HOST:PORT CONTROL   IB's own client at 226 and forced to 178 against one simulator:
                                         what it calls back, and what the journal says it asked

FILE is written by `IB_SIM_FRAMES=FILE cargo test -p ib-sim --lib frames_for_other_readers -- --ignored`.
The simulator of `live` runs without pacing and on a Saturday, when prices stand still:
`ibmesh sim --pacing false --clock 2026-11-21T12:00:00-05:00`. Needs ib_async 2.1.0 and ibapi-latest 10.51.1.
"""

import json
import logging
import math
import sys
import threading
import time
import urllib.request
from decimal import Decimal

import ibapi.client
from ibapi.client import EClient
from ibapi.comm import read_fields
from ibapi.contract import ComboLeg, Contract, DeltaNeutralContract
from ibapi.decoder import Decoder
from ibapi.execution import ExecutionFilter
from ibapi.order import Order, OrderComboLeg
from ibapi.order_cancel import OrderCancel
from ibapi.order_condition import Create as condition_of
from ibapi.scanner import ScannerSubscription
from ibapi.tag_value import TagValue
from ibapi.wrapper import EWrapper
from ibapi.common import WshEventData

DEADLINE_S = 30
TEXT, PROTOBUF = 178, 226
UNSET_TEXT = "1.7976931348623157E308"
UNSET = {2147483647, 1.7976931348623157e308, Decimal(2**127 - 1), 9223372036854775807}

# What a client holds for "not there".
NONE = [None, 0.0, -1.0, -2.0, "0"]

# Callbacks of IB's client that ib_async has no counterpart of.
NOT_IN_IB_ASYNC = {67, 68, 91, 92, 103}

# What only protobuf tells, by callback; text at 178 leaves it at the client's default.
CONTRACT = "comboLegs comboLegsDescrip deltaNeutralContract description issuerId primaryExchange"
ORDER = (
    "description issuerId primaryExchange activeStartTime activeStopTime allowPreOpen bondAccruedInterest "
    "conditionsIncludeOvernight customerAccount deactivate extOperator hedgeMaxSize ignoreOpenAuction includeOvernight "
    "manualOrderIndicator postOnly professionalCustomer seekPriceImprovement submitter whatIfType orderAllocations rejectReason "
    "deltaNeutralClearingAccount deltaNeutralOpenClose deltaNeutralShortSaleSlot suggestedSize marginCurrency algoId advancedErrorOverride manualOrderTime mifid2DecisionAlgo mifid2DecisionMaker "
    "mifid2ExecutionAlgo mifid2ExecutionTrader orderMiscOptions overridePercentageConstraints scaleTable transmit "
    + " ".join(f"{kind}{when}OutsideRTH" for kind in ("initMargin", "maintMargin", "equityWithLoan") for when in ("Before", "Change", "After"))
)
ONLY_PROTOBUF = {
    "updatePortfolio": CONTRACT + " exchange",
    "position": CONTRACT,
    "positionMulti": CONTRACT,
    "execDetails": CONTRACT + " submitter optExerciseOrLapseType",
    "contractDetails": CONTRACT + " lastTradeDate minAlgoSize lastPricePrecision lastSizePrecision settlementMethod",
    "scannerData": CONTRACT + " multiplier",
    "symbolSamples": CONTRACT + " exchange lastTradeDateOrContractMonth localSymbol multiplier right strike tradingClass",
    "openOrder": ORDER
    + " autoCancelDate filledQuantity imbalanceOnly parentPermId refFuturesConId routeMarketableToBbo shareholder completedTime "
    "completedStatus",
    "completedOrder": ORDER
    + " adjustableTrailingUnit adjustedOrderType adjustedStopLimitPrice adjustedStopPrice adjustedTrailingAmount blockOrder clientId "
    "commissionAndFees commissionAndFeesCurrency minCommissionAndFees maxCommissionAndFees deltaNeutralClearingAccount "
    "deltaNeutralClearingIntent deltaNeutralOpenClose deltaNeutralSettlingFirm discretionaryUpToLimitPrice duration orderId parentId "
    "optOutSmartRouting postToAts triggerPrice usePriceMgmtAlgo warningText whatIf equityWithLoanAfter equityWithLoanBefore "
    "equityWithLoanChange initMarginAfter initMarginBefore initMarginChange maintMarginAfter maintMarginBefore maintMarginChange "
    "softDollarTier",
    "tickReqParams": "",
}

# Where the same is told in another form: callback and argument, with the reason.
ACCEPTED = {
    ("error", "1"): "text at 178 has no error time; the client takes its own",
    ("smartComponents", "1"): "IB's client makes a list of text and a map of protobuf",
    ("openOrder", "2.orderComboLegs"): "without prices text has no rows, protobuf rows without a price",
    ("completedOrder", "1.orderComboLegs"): "as in openOrder",
    ("openOrder", "2.orderId"): "text has one order id, the samples have two",
    ("contractDetails", "1.fundAssetType"): "an enum with its own word for none",
    ("contractDetails", "1.fundDistributionPolicyIndicator"): "an enum with its own word for none",
}


def plain(value, unset=None):
    """A value that compares: what is not set is None, whatever a dialect calls it."""
    # IB's client sends an empty message where it has nothing to say.
    if value is None or value in ("", UNSET_TEXT) or value in ([], {}):
        return unset
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float, Decimal)):
        if value in UNSET or isinstance(value, float) and math.isnan(value):
            return unset
        return float(value)
    if isinstance(value, (list, tuple, set)):
        return [plain(row) for row in value]
    if isinstance(value, dict):
        return {str(key): plain(row) for key, row in sorted(value.items(), key=str)}
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return {key: plain(row) for key, row in sorted(vars(value).items())}
    return str(value)


def recorder(base):
    """A wrapper whose every callback is a row."""

    def record(name):
        return lambda self, *args: self.rows.append((name, [plain(arg) for arg in args]))

    names = [name for name in dir(base) if not name.startswith("_") and callable(getattr(base, name)) and name not in ("logAnswer",)]
    # The protobuf twins of callbacks repeat what the others say.
    members = {name: (lambda self, *args: None) if name.endswith("ProtoBuf") else record(name) for name in names}
    return type("Recorder", (base,), members)


class Rows(logging.Handler):
    """What a decoder logs as an error."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.rows = []

    def emit(self, record):
        self.rows.append(record.getMessage() + (f": {record.exc_info[1]!r}" if record.exc_info else ""))


def differences(one, two, path=""):
    """Paths at which two plain values differ; zero and not set are one, as text cannot tell them apart."""
    if isinstance(one, dict) and isinstance(two, dict):
        return [row for key in sorted({*one, *two}) for row in differences(one.get(key), two.get(key), f"{path}.{key}".lstrip("."))]
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return [row for at, pair in enumerate(zip(one, two)) for row in differences(*pair, f"{path}.{at}".lstrip("."))]
    if one == two or one in NONE and two in NONE:
        return []
    return [(path, one, two)]


def compare(what, one, two):
    """Two rows of callbacks, text's and protobuf's, one by one."""
    if [name for name, _ in one] != [name for name, _ in two]:
        return [f"{what}: calls {[name for name, _ in one]} and {[name for name, _ in two]}"]
    found = []
    for (name, left), (_, right) in zip(one, two):
        only_protobuf = set(ONLY_PROTOBUF.get(name, "").split())
        for path, before, after in differences(left, right):
            accepted = (name, path) in ACCEPTED or before in NONE and only_protobuf.intersection(path.split("."))
            if not accepted:
                found.append(f"{what}: {name} {path}: {before!r} and {after!r}")
    return found


def official(version, body, number, rows):
    """One message through the decoder of IB's client; what it fails with, if it does."""
    wrapper = recorder(EWrapper)()
    wrapper.rows = rows
    decoder = Decoder(wrapper, version)
    try:
        if version == TEXT:
            decoder.interpret(read_fields(body[body.index(b"\0") + 1 :]), number)
        else:
            decoder.processProtoBuf(body[4:], number)
    except Exception as error:  # noqa: BLE001, the decoder's own failure is the finding
        return [f"{number} at {version}: {error!r}"]
    return []


def frames(path):
    from ib_async import IB, wrapper as ib_wrapper
    from ib_async.decoder import Decoder as AsyncDecoder

    logged = Rows()
    for name in ("ibapi", "ib_async.Decoder"):
        logging.getLogger(name).addHandler(logged)
    found, sent = [], []
    for line in open(path, encoding="ascii"):
        number, text, protobuf = line.rstrip("\n").split("\t")
        if int(number) == 108:
            # Text says this with the bars, which came just before.
            sent[-1][2].append((108, bytes.fromhex(protobuf)))
        elif text:
            sent.append((int(number), bytes.fromhex(text), [(int(number), bytes.fromhex(protobuf))]))
    async_recorded = recorder(ib_wrapper.Wrapper)
    for number, text, protobufs in sent:
        from_text, from_protobuf = [], []
        found += official(TEXT, text, number, from_text)
        for part, body in protobufs:
            found += official(PROTOBUF, body, part, from_protobuf)
        found += compare(f"{number}", from_text, from_protobuf)
        wrapper = async_recorded.__new__(async_recorded)
        wrapper.rows, wrapper.ib, wrapper.defaultTimezone = [], IB(), None
        AsyncDecoder(wrapper, TEXT).interpret(text.decode().split("\0")[:-1])
        if not wrapper.rows and number not in NOT_IN_IB_ASYNC:
            found.append(f"{number}: ib_async calls nothing back")
        found += [f"{number}: {row}" for row in logged.rows]
        logged.rows.clear()
    return found


class Client(recorder(EWrapper), EClient):
    """IB's own client; waits for what it is called back with."""

    def __init__(self, newest, host, port, client_id):
        EClient.__init__(self, self)
        self.rows, self.asked = [], 0
        # The client announces what its module names.
        ibapi.client.MAX_CLIENT_VER = newest
        self.connect(host, port, client_id)
        threading.Thread(target=self.run, daemon=True).start()
        self.until("nextValidId")

    def until(self, *names):
        deadline = time.monotonic() + DEADLINE_S
        while not any(name in names for name, _ in self.rows):
            if time.monotonic() > deadline:
                raise TimeoutError(f"none of {names}, but {self.rows}")
            time.sleep(0.005)

    def barrier(self):
        """Everything asked before is answered, or never will be at once."""
        self.rows = [row for row in self.rows if row[0] != "currentTime"]
        self.reqCurrentTime()
        self.until("currentTime")

    def ask(self, request, end):
        self.barrier()
        self.rows = []
        request(self)
        if end:
            self.until(end, "error")
        self.barrier()
        return [row for row in self.rows if row[0] != "currentTime"]


def contract(**fields):
    made = Contract()
    vars(made).update({"symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD", **fields})
    return made


def bag():
    legs = []
    for con_id, action in ((265598, "BUY"), (272093, "SELL")):
        leg = ComboLeg()
        leg.conId, leg.ratio, leg.action, leg.exchange, leg.openClose = con_id, 1, action, "SMART", 0
        legs.append(leg)
    return contract(symbol="AAPL,MSFT", secType="BAG", comboLegs=legs)


def order(**fields):
    made = Order()
    vars(made).update(
        {"action": "BUY", "totalQuantity": Decimal("3"), "orderType": "LMT", "lmtPrice": 101.25, "tif": "DAY", "orderRef": "a b", **fields}
    )
    return made


def conditions():
    made = []
    fields = {
        1: {"conId": 265598, "exchange": "SMART", "isMore": True, "price": 101.5, "triggerMethod": 2},
        3: {"isMore": False, "time": "20261120 12:00:00 US/Eastern"},
        4: {"isMore": True, "percent": 30},
        5: {"secType": "STK", "exchange": "SMART", "symbol": "MSFT"},
        6: {"conId": 265598, "exchange": "SMART", "isMore": True, "volume": 1000},
        7: {"conId": 265598, "exchange": "SMART", "isMore": False, "changePercent": 1.5},
    }
    for kind, values in fields.items():
        condition = condition_of(kind)
        vars(condition).update(values)
        condition.isConjunctionConnection = kind % 2 == 0
        made.append(condition)
    return made


def tags(**pairs):
    return [TagValue(*pair) for pair in pairs.items()]


# What both dialects must answer alike: name, request, the callback that ends the answer.
ANSWERED = [
    ("accounts", lambda c: c.reqManagedAccts(), "managedAccounts"),
    ("families", lambda c: c.reqFamilyCodes(), "familyCodes"),
    ("user", lambda c: c.reqUserInfo(1), "userInfo"),
    ("positions", lambda c: c.reqPositions(), "positionEnd"),
    ("summary", lambda c: c.reqAccountSummary(2, "All", "NetLiquidation,TotalCashValue,$LEDGER"), "accountSummaryEnd"),
    ("updates", lambda c: c.reqAccountUpdates(True, ""), "accountDownloadEnd"),
    ("positions multi", lambda c: c.reqPositionsMulti(3, "DUSIM00001", ""), "positionMultiEnd"),
    ("updates multi", lambda c: c.reqAccountUpdatesMulti(4, "DUSIM00001", "", True), "accountUpdateMultiEnd"),
    ("pnl of nobody", lambda c: c.reqPnL(5, "nobody", ""), "error"),
    ("contract", lambda c: c.reqContractDetails(6, contract()), "contractDetailsEnd"),
    ("no contract", lambda c: c.reqContractDetails(7, contract(symbol="NOTHING")), "error"),
    ("symbols", lambda c: c.reqMatchingSymbols(8, "AAPL"), "symbolSamples"),
    ("rule", lambda c: c.reqMarketRule(26), "marketRule"),
    (
        "bars",
        lambda c: c.reqHistoricalData(9, contract(), "20261119 16:00:00 US/Eastern", "2 D", "1 hour", "TRADES", 1, 1, False, []),
        "historicalDataEnd",
    ),
    (
        "bars in seconds",
        lambda c: c.reqHistoricalData(10, contract(), "20261119 16:00:00 US/Eastern", "1 D", "30 mins", "MIDPOINT", 0, 2, False, []),
        "historicalDataEnd",
    ),
    (
        "schedule",
        lambda c: c.reqHistoricalData(11, contract(), "20261119 16:00:00 US/Eastern", "3 D", "1 day", "SCHEDULE", 1, 1, False, []),
        "historicalSchedule",
    ),
    ("bad bars", lambda c: c.reqHistoricalData(12, contract(), "", "1 D", "4 mins", "TRADES", 1, 1, False, []), "error"),
    ("cancel of no bars", lambda c: c.cancelHistoricalData(99), "error"),
    ("head", lambda c: c.reqHeadTimeStamp(13, contract(), "TRADES", 1, 2), "headTimestamp"),
    ("providers", lambda c: c.reqNewsProviders(), "newsProviders"),
    ("headlines", lambda c: c.reqHistoricalNews(14, 265598, "BRFG", "", "", 5, []), "historicalNewsEnd"),
    ("article", lambda c: c.reqNewsArticle(15, "BRFG", "BRFG$none", []), "newsArticle"),
    ("open orders", lambda c: c.reqAllOpenOrders(), "openOrderEnd"),
    ("completed", lambda c: c.reqCompletedOrders(False), "completedOrdersEnd"),
    ("executions", lambda c: c.reqExecutions(16, ExecutionFilter()), "execDetailsEnd"),
]


def scan():
    made = ScannerSubscription()
    made.instrument, made.locationCode, made.scanCode, made.abovePrice, made.aboveVolume = "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", 5.5, 1000
    return made


# What both dialects must ask alike; the answers are of no matter here. Each order has a kind of its own.
ASKED = [
    lambda c: c.placeOrder(1, contract(), order()),
    lambda c: c.placeOrder(2, contract(), order(orderType="TRAIL", trailingPercent=1.5, trailStopPrice=99.5, transmit=False)),
    lambda c: c.placeOrder(3, contract(), order(conditions=conditions(), conditionsIgnoreRth=True, conditionsCancelOrder=True)),
    lambda c: c.placeOrder(4, contract(), order(ocaGroup="g", ocaType=1, parentId=1, goodTillDate="20261130 10:00:00 US/Eastern")),
    lambda c: c.placeOrder(5, contract(), order(algoStrategy="Vwap", algoParams=tags(maxPctVol="0.1", noTakeLiq="1"))),
    lambda c: c.placeOrder(6, contract(), order(orderType="PEG BENCH", referenceContractId=272093, peggedChangeAmount=0.1)),
    lambda c: c.placeOrder(7, contract(), order(orderType="PEG BEST", minCompeteSize=100, competeAgainstBestOffset=math.inf)),
    lambda c: c.placeOrder(8, contract(), order(orderType="PEG MID", midOffsetAtWhole=0.01, midOffsetAtHalf=0.005)),
    lambda c: c.placeOrder(9, contract(exchange="IBKRATS"), order(minTradeQty=10)),
    lambda c: c.placeOrder(10, contract(), order(whatIf=True, hidden=True, outsideRth=True, allOrNone=True, minQty=1, displaySize=1)),
    lambda c: c.placeOrder(11, contract(), order(orderType="VOL", volatility=0.2, volatilityType=2, deltaNeutralOrderType="LMT")),
    lambda c: c.placeOrder(12, contract(), order(scaleInitLevelSize=1, scalePriceIncrement=0.1, scaleAutoReset=True, hedgeType="D")),
    lambda c: c.placeOrder(13, contract(), order(adjustedOrderType="STP", triggerPrice=101.0, adjustedStopPrice=99.0, usePriceMgmtAlgo=True)),
    lambda c: c.placeOrder(14, bag(), order(smartComboRoutingParams=tags(NonGuaranteed="1"), orderComboLegs=[price(1.5), price(2.5)])),
    lambda c: c.cancelOrder(1, OrderCancel()),
    lambda c: c.reqGlobalCancel(OrderCancel()),
    lambda c: c.exerciseOptions(20, contract(secType="OPT", strike=100.0, right="C", multiplier="100"), 1, 2, "DUSIM00001", 0, "", "", False),
    lambda c: c.reqOpenOrders(),
    lambda c: c.reqAutoOpenOrders(False),
    lambda c: c.reqIds(1),
    lambda c: c.reqMarketDataType(3),
    lambda c: c.reqMktData(30, contract(), "100,101", False, False, []),
    lambda c: c.reqMktData(31, bag(), "", True, False, []),
    lambda c: c.reqMktData(32, contract(deltaNeutralContract=hedge()), "", False, False, []),
    lambda c: c.cancelMktData(30),
    lambda c: c.reqMktDepth(33, contract(), 5, True, []),
    lambda c: c.cancelMktDepth(33, True),
    lambda c: c.reqMktDepthExchanges(),
    lambda c: c.reqSmartComponents(34, "9c0001"),
    lambda c: c.reqTickByTickData(35, contract(), "BidAsk", 10, True),
    lambda c: c.cancelTickByTickData(35),
    lambda c: c.reqRealTimeBars(36, contract(), 5, "TRADES", True, []),
    lambda c: c.cancelRealTimeBars(36),
    lambda c: c.reqHistogramData(37, contract(), True, "3 days"),
    lambda c: c.cancelHistogramData(37),
    lambda c: c.reqHistoricalTicks(38, contract(), "20261119 10:00:00 US/Eastern", "", 10, "TRADES", 1, True, []),
    lambda c: c.calculateImpliedVolatility(39, contract(secType="OPT"), 5.5, 101.0, []),
    lambda c: c.cancelCalculateImpliedVolatility(39),
    lambda c: c.calculateOptionPrice(40, contract(secType="OPT"), 0.25, 101.0, []),
    lambda c: c.cancelCalculateOptionPrice(40),
    lambda c: c.reqSecDefOptParams(41, "AAPL", "", "STK", 265598),
    lambda c: c.reqScannerParameters(),
    lambda c: c.reqScannerSubscription(42, scan(), [], tags(usdMarketCapAbove="10000")),
    lambda c: c.cancelScannerSubscription(42),
    lambda c: c.reqNewsBulletins(True),
    lambda c: c.cancelNewsBulletins(),
    lambda c: c.requestFA(1),
    lambda c: c.replaceFA(43, 1, "<xml/>"),
    lambda c: c.reqSoftDollarTiers(44),
    lambda c: c.reqWshMetaData(45),
    lambda c: c.cancelWshMetaData(45),
    lambda c: c.reqWshEventData(46, wsh()),
    lambda c: c.cancelWshEventData(46),
    lambda c: c.queryDisplayGroups(47),
    lambda c: c.subscribeToGroupEvents(48, 1),
    lambda c: c.updateDisplayGroup(48, "265598@SMART"),
    lambda c: c.unsubscribeFromGroupEvents(48),
    lambda c: c.reqPnL(49, "DUSIM00001", ""),
    lambda c: c.cancelPnL(49),
    lambda c: c.reqPnLSingle(50, "DUSIM00001", "", 265598),
    lambda c: c.cancelPnLSingle(50),
    lambda c: c.cancelHeadTimeStamp(51),
    lambda c: c.cancelAccountSummary(2),
    lambda c: c.cancelPositions(),
    lambda c: c.cancelPositionsMulti(3),
    lambda c: c.cancelAccountUpdatesMulti(4),
    lambda c: c.reqAccountUpdates(False, "DUSIM00001"),
    lambda c: c.setServerLogLevel(5),
]


def price(value):
    leg = OrderComboLeg()
    leg.price = value
    return leg


def hedge():
    made = DeltaNeutralContract()
    made.conId, made.delta, made.price = 265598, 0.5, 101.0
    return made


def wsh():
    made = WshEventData()
    made.conId, made.fillWatchlist, made.startDate, made.totalLimit = 265598, True, "20261101", 5
    return made


# What the client itself puts on one wire and not on the other: field and reason.
ASKED_APART = {
    "client_id": "protobuf repeats the client's id in each order",
    "order_id": "protobuf repeats the order's id in each order",
    "perm_id": "as the client id",
    "optional_capabilities": "empty in both",
    "min_trade_qty": "text has it for IBKRATS only",
}


def journal(control):
    with urllib.request.urlopen(f"http://{control}/journal", timeout=DEADLINE_S) as answer:
        return json.load(answer)["entries"]


def counters(control):
    with urllib.request.urlopen(f"http://{control}/counters", timeout=DEADLINE_S) as answer:
        return json.load(answer)["counters"]


def live(address, control):
    host, port = address.rsplit(":", 1)
    found, answers, asked = [], {}, {}
    for version, client_id in ((PROTOBUF, 7), (TEXT, 8)):
        client = Client(version, host, int(port), client_id)
        if client.serverVersion() != version:
            found.append(f"asked for {version}, got {client.serverVersion()}")
        answers[version] = [(name, client.ask(request, end)) for name, request, end in ANSWERED]
        for request in ASKED:
            request(client)
        client.barrier()
        client.disconnect()
        asked[version] = [entry for entry in journal(control) if entry["client_id"] == client_id and entry["message"] != "CurrentTime"]
    for (name, text), (_, protobuf) in zip(answers[TEXT], answers[PROTOBUF]):
        found += compare(name, text, protobuf)
    names = {version: [entry["message"] for entry in entries] for version, entries in asked.items()}
    if names[TEXT] != names[PROTOBUF]:
        found.append(f"asked {names[TEXT]} and {names[PROTOBUF]}")
    for text, protobuf in zip(asked[TEXT], asked[PROTOBUF]):
        for path, one, two in differences(plain(text["fields"]), plain(protobuf["fields"])):
            if not set(ASKED_APART).intersection(path.split(".")):
                found.append(f"asked {text['message']} {path}: {one!r} and {two!r}")
    if counters(control)["unreadable"]:
        found.append(f"{counters(control)['unreadable']} requests could not be read")
    print(f"{sum(len(rows) for _, rows in answers[TEXT])} callbacks and {len(asked[TEXT])} requests compared")
    return found


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    problems = frames(*rest) if mode == "frames" else live(*rest)
    print(*problems, sep="\n")
    print(f"{mode}: {len(problems)} differences")
    sys.exit(bool(problems))
