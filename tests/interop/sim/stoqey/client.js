// @stoqey/ib 1.6.10, unmodified: its IBApiNext with the connection watchdog against `ibmesh sim`.
//
// `node client.js HOST PORT CONTROL` prints each check as {"name", "problem"}, one a line.
"use strict";

const { IBApiNext, ConnectionState, MarketDataType, SecType, OrderAction, OrderType, WhatToShow, BarSizeSetting } = require("@stoqey/ib");
const { ScanCode, LocationCode, Instrument } = require("@stoqey/ib");
const { firstValueFrom, timeout, filter } = require("rxjs");

const ANSWER_MAX_MS = 20000;
// The watchdog asks for the time twice in an interval.
const WATCHDOG_S = 1;
const RECONNECT_MS = 300;
const [host, port, control] = process.argv.slice(2);
const aapl = { conId: 265598, symbol: "AAPL", secType: SecType.STK, exchange: "SMART", currency: "USD" };
let failed = 0;

function told(name, problem) {
  failed += problem ? 1 : 0;
  console.log(JSON.stringify({ name: `stoqey: ${name}`, problem: problem ? String(problem).slice(0, 2000) : null }));
}

function text(value) {
  return JSON.stringify(value, (_, inner) => (inner instanceof Map ? [...inner] : inner)) ?? String(value);
}

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("not answered in time")), ANSWER_MAX_MS)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function check(name, work, good) {
  try {
    const value = await within(work);
    told(name, good(value) ? null : `saw ${text(value)}`);
    return value;
  } catch (error) {
    told(name, error?.error ?? error?.message ?? text(error));
    return undefined;
  }
}

// The first update of an observable that is good; leaving it cancels the request.
function first(observable, good = () => true) {
  return firstValueFrom(observable.pipe(filter(good), timeout(ANSWER_MAX_MS)));
}

async function journal(after) {
  const answer = await fetch(`http://${control}/journal?since=${after}`);
  return (await answer.json()).entries;
}

async function fault(body) {
  await fetch(`http://${control}/faults`, { method: "POST", body: JSON.stringify(body) });
}

async function requests(ib) {
  await check("current time", ib.getCurrentTime(), (time) => time > 1.7e9);
  await check("accounts", ib.getManagedAccounts(), (ids) => text(ids) === '["DUSIM00001"]');
  await check("summary", first(ib.getAccountSummary("All", "NetLiquidation,TotalCashValue")), (update) => update.all.size === 1);
  await check("account updates", first(ib.getAccountUpdates("DUSIM00001"), (update) => update.all?.portfolio?.size > 0), () => true);
  await check("positions", first(ib.getPositions()), (update) => update.all.get("DUSIM00001").length > 1);
  await check("P&L", first(ib.getPnL("DUSIM00001")), (pnl) => Number.isFinite(pnl.dailyPnL));
  await check("P&L of a position", first(ib.getPnLSingle("DUSIM00001", "", 265598)), (pnl) => pnl.marketValue > 0);
  await check("details", ib.getContractDetails(aapl), (found) => found.length === 1 && found[0].contract.conId === 265598);
  await check("symbols", ib.getMatchingSymbols("AAPL"), (found) => found.some((row) => row.contract.symbol === "AAPL"));
  await check("market rule", ib.getMarketRule(26), (rows) => rows.length > 0);
  await check("user info", ib.getUserInfo(), (id) => id === "");
  await check("chain", ib.getSecDefOptParams("AAPL", "", SecType.STK, 265598), (rows) => rows.some((row) => row.strikes.length > 20));
  await check("head time stamp", ib.getHeadTimestamp(aapl, WhatToShow.TRADES, true, 1), (time) => /^\d{8}/.test(time));
  const bars = ib.getHistoricalData(aapl, undefined, "5 D", BarSizeSetting.HOURS_ONE, WhatToShow.TRADES, 1, 1);
  await check("bars", bars, (rows) => rows.length > 20 && rows.every((row) => row.low <= row.close && row.close <= row.high));
  const updates = ib.getHistoricalDataUpdates(aapl, BarSizeSetting.SECONDS_FIVE, WhatToShow.TRADES, 1);
  await check("live bars", first(updates), (bar) => bar.close > 0);
  await check("depth exchanges", ib.getMarketDepthExchanges(), (rows) => rows.length > 3);
  await check("scanner parameters", ib.getScannerParameters(), (xml) => xml.includes("<scanCode>TOP_PERC_GAIN"));
  const scan = { abovePrice: 5, scanCode: ScanCode.TOP_PERC_GAIN, locationCode: LocationCode.STK_US_MAJOR, instrument: Instrument.STK, numberOfRows: 10 };
  await check("scanner", first(ib.getMarketScanner(scan), (update) => update.all.size === 10), () => true);
}

async function quotes(ib) {
  ib.setMarketDataType(MarketDataType.REALTIME);
  const quote = ib.getMarketData(aapl, "100,106", false, false);
  await check("quote", first(quote, (update) => update.all.get(1)?.value > 0 && update.all.get(2)?.value > 0), () => true);
  await check("snapshot", ib.getMarketDataSnapshot(aapl, "", false), (ticks) => ticks.get(1)?.value > 0);
  const depth = ib.getMarketDepth(aapl, 5, true);
  await check("depth", first(depth, (update) => update.all.bids.size === 5 && update.all.asks.size === 5), () => true);
  await check("tick by tick", first(ib.getTickByTickAllLastDataUpdates(aapl, 0, false)), (tick) => tick.price > 0);
  await check("real-time bars", first(ib.getRealTimeBars(aapl, WhatToShow.TRADES, false)), (bar) => bar.close > 0);
  await check("histogram", ib.getHistogramData(aapl, true, 3, "DAY"), (rows) => rows.length > 5);
}

async function orders(ib) {
  const buy = { action: OrderAction.BUY, orderType: OrderType.MKT, totalQuantity: 2, tif: "DAY", transmit: true };
  const id = await check("order id", ib.getNextValidOrderId(), (next) => next > 0);
  ib.placeOrder(id, aapl, buy);
  const executed = until(() => ib.getExecutionDetails({}), (rows) => rows.some((row) => row.execution.orderId === id));
  await check("a market order fills", executed, (rows) => rows.every((row) => row.execution.shares > 0));
  await check("its commission", ib.getCommissionReport({}), (rows) => rows.length > 0 && rows[0].commission > 0);
  const limit = { ...buy, orderType: OrderType.LMT, lmtPrice: 100 };
  const resting = await check("a limit order", ib.placeNewOrder(aapl, limit), (number) => number > id);
  const isOpen = (rows) => rows.some((row) => row.orderId === resting);
  await check("it is open", until(() => ib.getAllOpenOrders(), isOpen), () => true);
  ib.cancelOrder(resting);
  await check("it is cancelled", until(() => ib.getAllOpenOrders(), (rows) => !isOpen(rows)), () => true);
}

// Asks again until the answer is good.
async function until(ask, good) {
  const deadline = Date.now() + ANSWER_MAX_MS;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (good(answer)) return answer;
  }
  throw new Error("did not happen in time");
}

async function watchdog(ib, states) {
  const entries = await journal(0);
  const last = entries.at(-1).seq;
  const deadline = Date.now() + ANSWER_MAX_MS;
  let asked = 0;
  while (asked < 3 && Date.now() < deadline) {
    asked = (await journal(last)).filter((entry) => entry.message === "CurrentTime").length;
  }
  told("the watchdog keeps asking for the time", asked >= 3 ? null : `asked ${asked} times`);
  told("and the connection stays", text(states) === "[1,2]" ? null : `went through ${text(states)}`);
  // The simulator drops the connection: the client notices and comes back by itself.
  await fault({ kind: "drop_all" });
  await check("a lost connection comes back", first(ib.connectionState, () => states.length >= 5 && states.at(-1) === ConnectionState.Connected), () => true);
  await check("and is used again", ib.getCurrentTime(), (time) => time > 1.7e9);
}

async function main() {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const options = { host, port: Number(port), reconnectInterval: RECONNECT_MS, connectionWatchdogInterval: WATCHDOG_S, logger: silent };
  const ib = new IBApiNext(options);
  const [states, errors] = [[], []];
  ib.connectionState.subscribe((state) => states.at(-1) !== state && state !== states.at(-1) && (states.length || state) && states.push(state));
  ib.errorSubject.subscribe((error) => errors.push([error.code, error.error?.message]));
  ib.connect(7);
  await check("connects", first(ib.connectionState, (state) => state === ConnectionState.Connected), () => true);
  await check("gets its first order id", ib.getNextValidOrderId(), (id) => id > 0);
  await requests(ib);
  await quotes(ib);
  await orders(ib);
  // A scanner's cancel and an order's are confirmed by codes; the rest are farms.
  const strange = errors.filter(([code]) => ![162, 202, 2104, 2106, 2158].includes(code));
  told("no other error", strange.length ? text(strange) : null);
  await watchdog(ib, states);
  ib.disconnect();
  process.exit(failed ? 1 : 0);
}

main().catch((error) => {
  told("runs to its end", error.stack);
  process.exit(1);
});
