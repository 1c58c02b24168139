#!/usr/bin/env python3
"""The simulator's two dialects, read by clients that are not ours.

    dialects.py frames FILE              every event in both dialects, through the decoders of ib_async
                                         (text) and of IB's own client (text and protobuf)
    dialects.py live HOST:PORT CONTROL   IB's own client at 226 and forced to 178 against one simulator:
                                         what it calls back, and what the journal says it asked

FILE is written by `IB_SIM_FRAMES=FILE cargo test -p ib-sim --lib frames_for_other_readers -- --ignored`.
The simulator of `live` must have a fixed clock. Needs ib_async 2.1.0 and ibapi-latest 10.51.1.
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
    if value is None or value in ("", UNSET_TEXT) or value == []:
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


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    problems = frames(*rest) if mode == "frames" else live(*rest)
    print(*problems, sep="\n")
    print(f"{mode}: {len(problems)} differences")
    sys.exit(bool(problems))
