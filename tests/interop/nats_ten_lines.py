import asyncio, sys
import nats

async def main(url="nats://127.0.0.1:4222", body="{}"):
    client = await nats.connect(url)
    reply = await client.request("ib.v1.paper.rpc.account.summary", body.encode(), timeout=10)
    print(reply.data.decode())
    await client.close()

asyncio.run(main(*sys.argv[1:]))
