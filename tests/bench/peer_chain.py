#!/usr/bin/env python3
"""The chain benchmark's peer: 40 contracts with Greeks by ib_async 2.1.0, as well as it can be asked to.

The job: of one expiration, the 20 strikes nearest the money, call and put; a contract is done when it has a bid, an ask and the
Greeks of IB's model; the job is done when all 40 are. It ends with every line cancelled, which is not timed.

What makes it fast: whatever does not need an earlier answer is asked at the same time; a contract's line is opened when that contract
is known, not when all are; every wait ends with the very message that brings the last value. The line of the underlying is
cancelled with the others, so that its cancel does not take one of the 45 messages that ib_async sends in a second.

Run it against a simulator with `--pacing false`. ib_async keeps IB's limit by itself, but it sends the next 45 exactly a second after
the last, and a strict count of 50 at the other end, where messages arrive a millisecond late, would refuse some of them.

Two ways to find the contracts, told by `--lookup`: `each` asks for every contract, as ib_async's own examples do; `expiration` asks
once for all contracts of the expiration, which is one message in place of 40, and so stays below 45.

Prints one line of JSON per round. Connecting is not timed. A cold round has a new connection and knows nothing; with `--warm` a
second job follows on the same connection, with the contracts known and the line of the underlying still open.
"""

import argparse
import asyncio
import json
import math
import time

from ib_async import IB, Option, Stock

STRIKES = 20
LINES_MAX = 60
GENERIC_TICKS = "100,101"
JOB_MAX_S = 30
CONNECT_MAX_S = 10

assert 2 * STRIKES + 1 <= LINES_MAX


def is_price(value):
    return not math.isnan(value) and value >= 0


def is_done(ticker):
    greeks = ticker.modelGreeks
    return greeks is not None and greeks.delta is not None and is_price(ticker.bid) and is_price(ticker.ask)


def spot(ticker):
    return next((price for price in (ticker.last, ticker.bid) if is_price(price)), None)


async def until(ticker, holds):
    """Ends with the message that makes `holds(ticker)` true."""
    seen = asyncio.get_running_loop().create_future()

    def updated(ticker):
        if holds(ticker) and not seen.done():
            seen.set_result(None)

    ticker.updateEvent += updated
    try:
        if not holds(ticker):
            await seen
    finally:
        ticker.updateEvent -= updated


class Job:
    """One underlying and expiration on one connection; what it has learned is kept for the next time."""

    def __init__(self, ib, options):
        self.ib, self.options = ib, options
        self.contracts, self.strikes, self.trading_class = {}, [], None
        self.underlying = None

    async def learn(self):
        """The underlying with its price, the strikes, and with `expiration` all contracts."""
        symbol, expiration = self.options.symbol, self.options.expiration
        whole = None
        if self.options.lookup == "expiration":
            # It needs nothing of the underlying, so it does not wait for it.
            whole = asyncio.ensure_future(self.ib.reqContractDetailsAsync(Option(symbol, expiration, exchange="SMART")))
        (stock,) = await self.ib.qualifyContractsAsync(Stock(symbol, "SMART", "USD"))
        self.underlying = self.ib.reqMktData(stock)
        priced = until(self.underlying, lambda ticker: spot(ticker) is not None)
        chains, _ = await asyncio.gather(self.ib.reqSecDefOptParamsAsync(symbol, "", "STK", stock.conId), priced)
        chain = next(c for c in chains if c.exchange == "SMART" and c.tradingClass == symbol and expiration in c.expirations)
        self.trading_class = chain.tradingClass
        self.strikes = sorted(chain.strikes)
        if whole is not None:
            found = [details.contract for details in await whole if details.contract.tradingClass == self.trading_class]
            self.contracts = {(contract.strike, contract.right): contract for contract in found}
            self.strikes = sorted({strike for strike, _ in self.contracts})

    async def contract(self, strike, right):
        """None if the expiration has no such contract."""
        if (strike, right) not in self.contracts:
            wanted = Option(self.options.symbol, self.options.expiration, strike, right, "SMART", tradingClass=self.trading_class)
            (self.contracts[strike, right],) = await self.ib.qualifyContractsAsync(wanted)
        return self.contracts[strike, right]

    async def row(self, contract, rows):
        # ib_async keeps the ticker of an earlier line with its values; these would count as new.
        ticker = self.ib.ticker(contract)
        if ticker is not None:
            ticker.bid = ticker.ask = math.nan
            ticker.modelGreeks = None
        asked = time.perf_counter()
        ticker = self.ib.reqMktData(contract, GENERIC_TICKS)
        await until(ticker, is_done)
        rows.append((contract, asked, time.perf_counter()))

    async def pair(self, by_distance, rows):
        """The next strike that exists."""
        for strike in by_distance:
            call, put = await asyncio.gather(self.contract(strike, "C"), self.contract(strike, "P"))
            if call is not None and put is not None:
                await asyncio.gather(self.row(call, rows), self.row(put, rows))
                return

    async def run(self):
        """When it began, and each row as contract, when its line was asked for, when it was done."""
        began, rows = time.perf_counter(), []
        async with asyncio.timeout(JOB_MAX_S):
            if self.underlying is None:
                await self.learn()
            price = spot(self.underlying)
            by_distance = iter(sorted(self.strikes, key=lambda strike: abs(strike - price)))
            await asyncio.gather(*(self.pair(by_distance, rows) for _ in range(STRIKES)))
        return began, rows

    async def cancel(self, contracts):
        for contract in contracts:
            self.ib.cancelMktData(contract)
        async with asyncio.timeout(JOB_MAX_S):
            # It is sent after all that waits in ib_async's queue, so with its answer the gateway has seen every cancel.
            await self.ib.reqCurrentTimeAsync()
        # The next job must not wait for what this one has sent.
        await asyncio.sleep(self.ib.client.RequestsInterval * 1.1)


def figures(prefix, began, rows):
    done = [at for _, _, at in rows]
    return {
        f"{prefix}_ms": round((max(done) - began) * 1000, 1),
        f"{prefix}_first_ms": round((min(done) - began) * 1000, 1),
        f"{prefix}_slowest_line_ms": round(max(at - asked for _, asked, at in rows) * 1000, 1),
        f"{prefix}_rows": len(rows),
    }


async def one_round(options, number):
    ib = IB()
    await ib.connectAsync(options.host, options.port, clientId=options.client_id, timeout=CONNECT_MAX_S, readonly=True)
    try:
        # What connecting sent does not count against the job.
        await asyncio.sleep(ib.client.RequestsInterval * 1.1)
        job = Job(ib, options)
        told = {"round": number, "lookup": options.lookup}
        for prefix in ["cold", "warm"] if options.warm else ["cold"]:
            began, rows = await job.run()
            told.update(figures(prefix, began, rows))
            strikes = [contract.strike for contract, *_ in rows]
            told.update({"spot": spot(job.underlying), "strike_min": min(strikes), "strike_max": max(strikes)})
            await job.cancel([contract for contract, *_ in rows])
        await job.cancel([job.underlying.contract])
    finally:
        ib.disconnect()
    print(json.dumps(told), flush=True)


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4002)
    parser.add_argument("--client-id", type=int, default=7)
    parser.add_argument("--symbol", default="AAPL")
    parser.add_argument("--expiration", required=True, help="YYYYMMDD")
    parser.add_argument("--lookup", choices=["each", "expiration"], default="each")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--warm", action="store_true")
    options = parser.parse_args()
    for number in range(1, options.rounds + 1):
        await one_round(options, number)


if __name__ == "__main__":
    asyncio.run(main())
