// npm's @modelcontextprotocol/sdk 1.32: the same checks in Node (`node sdk.mjs EDGE`) and, bundled, in a browser's page.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const CALLS = {
  get_historical_data: { symbol: "VTI", duration: "1 M", bar_size: "1 day" },
  get_positions: {},
  get_account_summary: {},
};
const HEALTH = "ibkr://health";
const PUSHED_MAX_MS = 30_000;
const LOOKS_MAX = 300;

// Calls `told(name, problem)` for every check; `problem` is null where it passed.
export async function checks(name, edge, told) {
  const check = (what, good, seen) => told(`${name}: ${what}`, good ? null : `saw ${JSON.stringify(seen) ?? seen}`);
  const transport = new StreamableHTTPClientTransport(new URL(`${edge}/mcp`));
  const client = new Client({ name: "interop", version: "1" });
  let changed;
  const heard = new Promise((resolve) => (changed = resolve));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, (said) => said.params.uri === HEALTH && changed(true));
  await client.connect(transport);
  check("shakes hands", transport.protocolVersion === "2025-11-25" && client.getInstructions(), transport.protocolVersion);
  check("was given a session", Boolean(transport.sessionId), transport.sessionId);
  const { tools } = await client.listTools();
  check("lists the tools", Object.keys(CALLS).every((call) => tools.some((tool) => tool.name === call)), tools.length);
  for (const [tool, args] of Object.entries(CALLS)) {
    const result = await client.callTool({ name: tool, arguments: args });
    const good = !result.isError && result.structuredContent && result.content[0].text.split("\n").at(-1).includes("SIMULATED");
    check(tool, good, result);
  }
  const failed = await client.callTool({ name: "get_contract_details", arguments: { symbol: "NOSUCHSYMBOL" } });
  check("a failed call is an error without content of its own", failed.isError && !failed.structuredContent, failed);
  const read = await client.readResource({ uri: HEALTH });
  check("reads a resource", read.contents[0].text.includes('"status"'), read);
  const { prompts } = await client.listPrompts();
  check("lists prompts", prompts.length >= 4, prompts);
  await client.subscribeResource({ uri: HEALTH });
  const stirred = await fetch(`${edge}/restart-workers`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  check("restarts the workers over REST", stirred.ok, stirred.status);
  const { restarted } = await stirred.json();
  const late = new Promise((resolve) => setTimeout(() => resolve(false), PUSHED_MAX_MS));
  check("hears that a resource has changed", await Promise.race([heard, late]), "nothing in time");
  // The next client finds everybody connected again.
  const connected = async () => {
    const health = await (await fetch(`${edge}/health`)).json();
    return health.pool.workers_ib_connected + Number(health.options_client_connected);
  };
  for (let look = 0; look < LOOKS_MAX && (await connected()) < restarted; look += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  await transport.terminateSession();
  await client.close();
  told(`${name}: ends its session`, null);
}
