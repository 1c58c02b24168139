#!/usr/bin/env python3
"""ib_async 2.1.0, unmodified, against `ibmesh sim`: what it fetches on connecting, data, orders, and a reconnect."""

import asyncio
import json
import math

from harness import Sim, check, finish, told
from ib_async import (
    IB,
    Bag,
    ComboLeg,
    Contract,
    Crypto,
    Forex,
    Future,
    Index,
    LimitOrder,
    MarketOrder,
    Option,
    Order,
    PriceCondition,
    ScannerSubscription,
    Stock,
    StopLimitOrder,
    WshEventData,
)

ANSWER_MAX_S = 20


class Checks:
    """Runs one check at a time, so that a failure ends only its own."""

    def __init__(self, ib):
        self.ib = ib

    async def __call__(self, name, work, good):
        try:
            value = await asyncio.wait_for(work, ANSWER_MAX_S)
            check(f"ib_async: {name}", good(value), value)
        except Exception as error:  # noqa: BLE001, whatever it is, it is this check's failure
            told(f"ib_async: {name}", f"{type(error).__name__}: {error}")
            value = None
        return value


async def until(good, what):
    """Waits for something that a callback changes."""
    deadline = asyncio.get_running_loop().time() + ANSWER_MAX_S
    while not good():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.01)


async def connected(sim, client_id):
    ib = IB()
    ib.RaiseRequestErrors = True
    await ib.connectAsync(sim.host, sim.port, clientId=client_id, timeout=ANSWER_MAX_S, raiseSyncErrors=True)
    return ib


async def on_connect(ib):
    check("ib_async: server version", ib.client.serverVersion() == 178, ib.client.serverVersion())
    check("ib_async: accounts", ib.managedAccounts() == ["DUSIM00001"], ib.managedAccounts())
    check("ib_async: positions", len(ib.positions()) > 1, ib.positions())
    check("ib_async: portfolio", len(ib.portfolio()) == len(ib.positions()), ib.portfolio())
    tags = {value.tag for value in ib.accountValues()}
    check("ib_async: account values", {"NetLiquidation", "TotalCashValue", "BuyingPower"} <= tags, sorted(tags))
    check("ib_async: no orders yet", ib.openTrades() == [] and ib.fills() == [], ib.trades())


async def reference(ib, run):
    aapl = Stock("AAPL", "SMART", "USD")
    await run("qualify", ib.qualifyContractsAsync(aapl), lambda found: found and found[0].conId == 265598)
    await run("details", ib.reqContractDetailsAsync(aapl), lambda found: len(found) == 1 and found[0].longName)
    await run("symbols", ib.reqMatchingSymbolsAsync("AAPL"), lambda found: any(row.contract.symbol == "AAPL" for row in found))
    await run("summary", ib.accountSummaryAsync(), lambda rows: any(row.tag == "NetLiquidation" for row in rows))
    await run("market rule", ib.reqMarketRuleAsync(26), lambda rows: rows and rows[0].increment == 0.01)
    # ib_async ends this request without keeping what it was told.
    await run("user info", ib.reqUserInfoAsync(), lambda found: found == [])
    await run("depth exchanges", ib.reqMktDepthExchangesAsync(), lambda rows: len(rows) > 3)
    providers = await run("news providers", ib.reqNewsProvidersAsync(), lambda rows: len(rows) > 0) or []
    codes = "+".join(row.code for row in providers)
    news = await run("headlines", ib.reqHistoricalNewsAsync(265598, codes, "", "", 5), lambda rows: len(rows) == 5 and rows[0].headline)
    if news:
        await run("article", ib.reqNewsArticleAsync(news[0].providerCode, news[0].articleId), lambda found: len(found.articleText) > 20)
    scan = ScannerSubscription(instrument="STK", locationCode="STK.US.MAJOR", scanCode="TOP_PERC_GAIN", numberOfRows=10)
    await run("scanner", ib.reqScannerDataAsync(scan), lambda rows: [row.rank for row in rows] == list(range(10)))
    await run("scanner parameters", ib.reqScannerParametersAsync(), lambda xml: "<scanCode>TOP_PERC_GAIN" in xml)
    await run("wsh meta data", ib.getWshMetaDataAsync(), lambda text: "wshe_ed" in text)
    events = ib.getWshEventDataAsync(WshEventData(conId=265598, totalLimit=3))
    await run("wsh events", events, lambda text: len(json.loads(text)) == 3)
    await refused("fundamentals", ib.reqFundamentalDataAsync(aapl, "ReportSnapshot"), 10358)
    return aapl


async def refused(name, work, code):
    """What has to be an error of IB."""
    try:
        value = await asyncio.wait_for(work, ANSWER_MAX_S)
        told(f"ib_async: {name} is refused with {code}", f"answered {value!r}")
    except Exception as error:  # noqa: BLE001, the code is what counts
        check(f"ib_async: {name} is refused with {code}", getattr(error, "code", None) == code, error)


async def data(ib, run, aapl):
    bars = ib.reqHistoricalDataAsync(aapl, "", "5 D", "1 hour", "TRADES", True)
    await run("bars", bars, lambda rows: len(rows) > 20 and all(row.low <= row.close <= row.high for row in rows))
    daily = ib.reqHistoricalDataAsync(aapl, "", "1 Y", "1 day", "ADJUSTED_LAST", True)
    await run("a year of days", daily, lambda rows: 245 < len(rows) < 256)
    await run("head time stamp", ib.reqHeadTimeStampAsync(aapl, "TRADES", True, 1), lambda time: time.year < 2026)
    await run("schedule", ib.reqHistoricalScheduleAsync(aapl, 3), lambda found: len(found.sessions) == 3)
    await run("histogram", ib.reqHistogramDataAsync(aapl, True, "3 days"), lambda rows: len(rows) > 5)
    ticks = ib.reqHistoricalTicksAsync(aapl, "", "20261120 10:00:00 US/Eastern", 20, "TRADES", True)
    await run("past ticks", ticks, lambda rows: len(rows) >= 20)
    live = await run("live bars", ib.reqHistoricalDataAsync(aapl, "", "1800 S", "5 secs", "TRADES", False, keepUpToDate=True), len)
    if live:
        count = len(live)
        await run("live bars grow", until(lambda: len(live) > count, live[-1]), lambda _: True)
        ib.cancelHistoricalData(live)
    tickers = await run("tickers", ib.reqTickersAsync(aapl), lambda rows: rows[0].bid < rows[0].ask and rows[0].last > 0)
    check("ib_async: market data is live", tickers and tickers[0].marketDataType == 1, tickers)
    ticker = ib.reqMktData(aapl, "100,101,106,165,233,236,258")
    await run("streaming quote", until(lambda: ticker.bid > 0 and ticker.volume > 0, ticker), lambda _: True)
    await run("generic ticks", until(lambda: ticker.impliedVolatility > 0 and ticker.high52week > 0, ticker), lambda _: True)
    ib.cancelMktData(aapl)
    by_tick = ib.reqTickByTickData(aapl, "BidAsk")
    await run("tick by tick", until(lambda: by_tick.tickByTicks, by_tick), lambda _: True)
    ib.cancelTickByTickData(aapl, "BidAsk")
    depth = ib.reqMktDepth(aapl, 5, True)
    await run("depth", until(lambda: len(depth.domBids) == 5 and len(depth.domAsks) == 5, depth), lambda _: True)
    ib.cancelMktDepth(aapl, True)
    bars = ib.reqRealTimeBars(aapl, 5, "TRADES", False)
    await run("real-time bars", until(lambda: len(bars) > 0, bars), lambda _: True)
    ib.cancelRealTimeBars(bars)
    pnl = ib.reqPnL("DUSIM00001")
    await run("P&L", until(lambda: not math.isnan(pnl.dailyPnL), pnl), lambda _: True)
    single = ib.reqPnLSingle("DUSIM00001", "", 265598)
    await run("P&L of a position", until(lambda: not math.isnan(single.value), single), lambda _: True)
    ib.reqNewsBulletins(True)
    await run("bulletins", until(lambda: ib.newsBulletins(), "bulletins"), lambda _: True)
    ib.cancelNewsBulletins()


async def options(ib, run, aapl):
    chains = await run("chain", ib.reqSecDefOptParamsAsync("AAPL", "", "STK", aapl.conId), lambda rows: any(row.exchange == "SMART" for row in rows))
    if not chains:
        return None
    chain = next(row for row in chains if row.exchange == "SMART" and row.tradingClass == "AAPL")
    price = (await ib.reqTickersAsync(aapl))[0].last
    strike = min(chain.strikes, key=lambda strike: abs(strike - price))
    month = next(day for day in chain.expirations if day > "20261215")
    call, put = (Option("AAPL", month, strike, right, "SMART", tradingClass="AAPL") for right in "CP")
    await run("option contracts", ib.qualifyContractsAsync(call, put), lambda rows: all(row and row.conId for row in rows))
    quotes = [ib.reqMktData(contract) for contract in (call, put)]
    await run("Greeks", until(lambda: all(one.modelGreeks and one.modelGreeks.delta for one in quotes), quotes), lambda _: True)
    if all(one.modelGreeks for one in quotes):
        deltas = [one.modelGreeks.delta for one in quotes]
        check("ib_async: deltas of call and put", 0.3 < deltas[0] < 0.7 and -0.7 < deltas[1] < -0.3, deltas)
        greeks = quotes[0].modelGreeks
        computed = ib.calculateOptionPriceAsync(call, greeks.impliedVol, greeks.undPrice)
        await run("option price", computed, lambda found: abs(found.optPrice / greeks.optPrice - 1) < 0.1)
        back = ib.calculateImpliedVolatilityAsync(call, greeks.optPrice, greeks.undPrice)
        await run("implied volatility", back, lambda found: abs(found.impliedVol / greeks.impliedVol - 1) < 0.1)
    for contract in (call, put):
        ib.cancelMktData(contract)
    spx = Index("SPX", "CBOE")
    await run("an index", ib.qualifyContractsAsync(spx), lambda rows: rows[0].conId > 0)
    return call, put


async def status(run, name, trade, *words):
    await run(name, until(lambda: trade.orderStatus.status in words, trade), lambda _: True)


async def orders(ib, run, aapl, legs):
    market = ib.placeOrder(aapl, MarketOrder("BUY", 3))
    await status(run, "a market order fills", market, "Filled")
    await run("its commission", until(lambda: market.fills and market.fills[0].commissionReport.commission > 0, market), lambda _: True)
    low = round((await ib.reqTickersAsync(aapl))[0].bid * 0.8, 2)
    bracket = ib.bracketOrder("BUY", 5, low, round(low * 1.5, 2), round(low * 0.9, 2))
    trades = [ib.placeOrder(aapl, order) for order in bracket]
    await status(run, "a bracket's parent works", trades[0], "Submitted")
    await status(run, "its children wait", trades[1], "PreSubmitted", "Submitted")
    await run("open orders", ib.reqAllOpenOrdersAsync(), lambda rows: len(rows) == 3)
    ib.cancelOrder(bracket[0])
    for trade, name in zip(trades, ("parent", "profit", "stop")):
        await status(run, f"cancelled: {name}", trade, "Cancelled", "ApiCancelled")
    what_if = ib.whatIfOrderAsync(aapl, LimitOrder("BUY", 10, low))
    await run("what-if", what_if, lambda state: float(state.initMarginChange) > 0 and float(state.initMarginAfter) > 0)
    if legs:
        call, put = legs
        straddle = Bag(symbol="AAPL", exchange="SMART", currency="USD")
        straddle.comboLegs = [ComboLeg(conId=leg.conId, ratio=1, action="BUY", exchange="SMART") for leg in (call, put)]
        combo = ib.placeOrder(straddle, MarketOrder("BUY", 1))
        await status(run, "a combo fills", combo, "Filled")
        held = lambda: {row.contract.conId for row in ib.positions()}  # noqa: E731
        await run("its legs are held", until(lambda: {call.conId, put.conId} <= held(), "positions"), lambda _: True)
    await run("executions", ib.reqExecutionsAsync(), lambda fills: any(fill.contract.conId == 265598 for fill in fills))
    await run("completed orders", ib.reqCompletedOrdersAsync(False), lambda rows: len(rows) >= 4)
    resting = ib.placeOrder(aapl, LimitOrder("BUY", 1, low, tif="GTC"))
    await status(run, "an order rests", resting, "Submitted")
    return resting


async def kinds(ib, run):
    """Contracts of every kind: their details, bars and quotes."""
    future = Future("ES", exchange="CME", currency="USD")
    months = await run("futures", ib.reqContractDetailsAsync(future), lambda found: len(found) > 2) or []
    contracts = [("forex", Forex("EURUSD"), "MIDPOINT"), ("crypto", Crypto("BTC", "PAXOS", "USD"), "AGGTRADES")]
    contracts += [("index", Index("SPX", "CBOE"), "TRADES"), ("future", months[0].contract if months else future, "TRADES")]
    for name, contract, what in contracts:
        await run(f"{name}: contract", ib.qualifyContractsAsync(contract), lambda found: found and found[0] and found[0].conId)
        bars = ib.reqHistoricalDataAsync(contract, "", "1 D", "1 hour", what, False)
        await run(f"{name}: bars", bars, lambda rows: len(rows) > 1 and rows[-1].close > 0)
        await run(f"{name}: quote", ib.reqTickersAsync(contract), lambda rows: rows[0].marketPrice() > 0)
    ambiguous = ib.qualifyContractsAsync(Stock("AAPL", "SMART"), Contract(secType="FUT", symbol="ES", exchange="CME"))
    await run("what is ambiguous is left open", ambiguous, lambda found: found[0].conId == 265598 and found[1] is None)


async def refusals(ib):
    """What IB refuses, by code."""
    await refused("an unknown contract", ib.reqContractDetailsAsync(Stock("NOTHING", "SMART", "USD")), 200)
    await refused("bars of nothing", ib.reqHistoricalDataAsync(Forex("EURUSD"), "", "1 D", "1 hour", "FEE_RATE", False), 162)
    await refused("news of another provider", ib.reqHistoricalNewsAsync(265598, "NOBODY", "", "", 5), 10276)
    await refused("an unknown article", ib.reqNewsArticleAsync("BRFG", "BRFG$none"), 10172)


async def more_orders(ib, run, aapl):
    """Changes, groups, conditions and what lasts no longer than its moment."""
    bid = (await ib.reqTickersAsync(aapl))[0].bid
    low, high = round(bid * 0.8, 2), round(bid * 1.2, 2)
    trade = ib.placeOrder(aapl, LimitOrder("BUY", 2, low))
    await status(run, "an order to change works", trade, "Submitted")
    trade.order.lmtPrice, trade.order.totalQuantity = round(low - 1, 2), 3
    ib.placeOrder(aapl, trade.order)
    changed = lambda rows: any(row.order.lmtPrice == round(low - 1, 2) and row.order.totalQuantity == 3 for row in rows)  # noqa: E731
    await run("it is changed", ib.reqAllOpenOrdersAsync(), changed)
    trade.order.lmtPrice = high
    ib.placeOrder(aapl, trade.order)
    await status(run, "and fills at a price that crosses", trade, "Filled")
    check("ib_async: the fill is no worse than the market", trade.orderStatus.avgFillPrice < high, trade.orderStatus)
    group = ib.oneCancelsAll([MarketOrder("SELL", 1), LimitOrder("SELL", 1, high)], "one of two", 1)
    group[0].transmit = group[1].transmit = True
    second = ib.placeOrder(aapl, group[1])
    await status(run, "one of a group works", second, "Submitted")
    await status(run, "the other fills", ib.placeOrder(aapl, group[0]), "Filled")
    await status(run, "and cancels the first", second, "Cancelled")
    gone = ib.placeOrder(aapl, LimitOrder("BUY", 1, low, tif="IOC"))
    await status(run, "what must fill at once is cancelled", gone, "Cancelled")
    trail = ib.placeOrder(aapl, Order(action="SELL", orderType="TRAIL", totalQuantity=1, trailingPercent=5))
    await status(run, "a trailing stop works", trail, "PreSubmitted", "Submitted")
    stop = ib.placeOrder(aapl, StopLimitOrder("SELL", 1, round(low * 0.9, 2), low))
    await status(run, "a stop limit works", stop, "PreSubmitted", "Submitted")
    condition = PriceCondition(isMore=False, price=low, conId=265598, exch="SMART")
    waits = ib.placeOrder(aapl, MarketOrder("BUY", 1, conditions=[condition]))
    await status(run, "a conditional order waits", waits, "PreSubmitted")
    shown = lambda rows: any(row.order.conditions and row.order.conditions[0].price == low for row in rows)  # noqa: E731
    await run("its condition is shown", ib.reqAllOpenOrdersAsync(), shown)
    ib.reqGlobalCancel()
    for name, order in (("trailing stop", trail), ("stop limit", stop), ("conditional order", waits)):
        await status(run, f"all are cancelled: {name}", order, "Cancelled", "ApiCancelled")
    ib.reqMarketDataType(3)
    delayed = ib.reqMktData(Contract(conId=272093, secType="STK", exchange="SMART"), "", True)
    await run("a snapshot with delayed data allowed", until(lambda: delayed.bid > 0 or delayed.last > 0, delayed), lambda _: True)
    ib.reqMarketDataType(1)


async def again(sim, ib, run, resting):
    """A reconnect of the same client finds its order; the simulator first drops the connection."""
    gone = asyncio.Event()
    ib.disconnectedEvent += gone.set
    sim.post("/faults", {"kind": "drop_all"})
    await run("a lost connection is noticed", gone.wait(), lambda _: True)
    fresh = await connected(sim, 1)
    check("ib_async: its order is back", [trade.order.permId for trade in fresh.openTrades()] == [resting.order.permId], fresh.openTrades())
    check("ib_async: its fills are back", any(fill.contract.conId == 265598 for fill in fresh.fills()), fresh.fills())
    trade = fresh.openTrades()[0] if fresh.openTrades() else None
    if trade:
        fresh.cancelOrder(trade.order)
        await status(run, "and can be cancelled", trade, "Cancelled", "ApiCancelled")
    try:
        other = IB()
        await other.connectAsync(sim.host, sim.port, clientId=1, timeout=2)
        told("ib_async: a client id is used once", "a second client got it too")
    except (TimeoutError, asyncio.TimeoutError, ConnectionError):
        told("ib_async: a client id is used once")
    fresh.disconnect()


async def main():
    with Sim("ib_async") as sim:
        ib = await connected(sim, 1)
        run = Checks(ib)
        errors = []
        ib.errorEvent += lambda req_id, code, text, contract: errors.append((code, text))
        await on_connect(ib)
        aapl = await reference(ib, run)
        await data(ib, run, aapl)
        legs = await options(ib, run, aapl)
        await kinds(ib, run)
        await refusals(ib)
        await more_orders(ib, run, aapl)
        resting = await orders(ib, run, aapl, legs)
        # Cancels are confirmed with 162 (a scanner) and 202 (orders); the others are what was asked for.
        wanted = {162, 202, 200, 10172, 10276, 10358, 2104, 2106, 2158}
        strange = [error for error in errors if error[0] not in wanted]
        check("ib_async: no other error", not strange, strange)
        await again(sim, ib, run, resting)
    finish()


asyncio.run(main())
