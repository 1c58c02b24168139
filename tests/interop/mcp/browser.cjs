// Headless Chromium: `node browser.cjs BUNDLE` serves a page of another origin that runs BUNDLE (npm's SDK) against the edge, then
// drives the Inspector's own page. EDGE names the edge, PAGE_PORT the port that the edge has been told to allow, CHROMIUM the
// browser, INSPECTOR the Inspector's program. Prints its checks as lines of JSON.
"use strict";

const { spawn } = require("node:child_process");
const { readFileSync, mkdtempSync, rmSync } = require("node:fs");
const http = require("node:http");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { chromium } = require("playwright-core");

const { EDGE, PAGE_PORT, CHROMIUM, INSPECTOR } = process.env;
const PAGE_MAX_MS = 90_000;
const STEP_MAX_MS = 30_000;
// Without these, Chromium talks to its maker at every start.
const QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
let failed = 0;

function told(name, problem) {
  failed += problem ? 1 : 0;
  console.log(JSON.stringify({ name, problem: problem ? String(problem).slice(0, 2000) : null }));
}

async function otherOrigin(browser, bundle) {
  const files = { "/": ["text/html", '<!doctype html><script src="/page.js"></script>'], "/page.js": ["text/javascript", readFileSync(bundle)] };
  const server = http.createServer((request, response) => {
    const [type, body] = files[request.url.split("?")[0]] ?? ["text/plain", ""];
    response.writeHead(200, { "Content-Type": type }).end(body);
  });
  await new Promise((resolve) => server.listen(Number(PAGE_PORT), "127.0.0.1", resolve));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${PAGE_PORT}/?edge=${encodeURIComponent(EDGE)}`);
  const ended = page.waitForFunction(() => window.ended, null, { timeout: PAGE_MAX_MS }).then(() => null, (error) => error);
  const late = await ended;
  for (const { name, problem } of await page.evaluate(() => window.told)) told(name, problem);
  if (late) told("sdk 1.32 in a page: runs to its end", late);
  await page.close();

  // The same page from an origin that nobody has allowed.
  const stranger = await browser.newPage();
  await stranger.goto(`http://localhost:${PAGE_PORT}/?edge=`);
  const answer = await stranger.evaluate((edge) => fetch(`${edge}/health`).then((got) => got.status, (error) => String(error)), EDGE);
  told("a page of a strange origin reads nothing", /Failed to fetch/.test(answer) ? null : answer);
  await stranger.close();
  server.close();
}

// A port that is free now; the Inspector takes no 0.
async function freePort() {
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

// The Inspector's web server, and the address of its page.
async function inspector(home) {
  const ports = { CLIENT_PORT: await freePort(), MCP_SANDBOX_PORT: await freePort() };
  const child = spawn(process.execPath, [INSPECTOR, "--web", "--transport", "http", "--server-url", `${EDGE}/mcp`], {
    env: { ...process.env, HOME: home, MCP_AUTO_OPEN_ENABLED: "false", MCP_INSPECTOR_SECRET_STORE: "memory", ...ports },
  });
  let said = "";
  const url = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the Inspector is not ready: ${said}`)), STEP_MAX_MS);
    const hear = (piece) => {
      said += piece;
      const found = /http:\/\/\S+\?MCP_INSPECTOR_API_TOKEN=\w+/.exec(said);
      if (found) {
        clearTimeout(late);
        resolve(found[0]);
      }
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
  });
  return { child, url };
}

async function tool(page, name, fill) {
  await page.getByRole("button", { name }).first().click();
  for (const [label, text] of Object.entries(fill)) await page.getByLabel(label, { exact: true }).fill(text);
  // What an earlier call has answered is gone by now.
  const answer = page.getByText(/SIMULATED · DU/).first();
  await answer.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Execute Tool" }).click();
  await answer.waitFor();
}

async function inspectorsPage(browser) {
  const home = mkdtempSync(join(tmpdir(), "inspector-"));
  const { child, url } = await inspector(home);
  try {
    const page = await browser.newPage({ viewport: { width: 1500, height: 1200 } });
    page.setDefaultTimeout(STEP_MAX_MS);
    await page.goto(await url);
    await page.locator("input[role=switch]").first().click({ force: true });
    await page.getByText("Connected (").waitFor();
    told("Inspector's page: connects", null);
    for (const [name, fill] of [
      ["get_historical_data", { "symbol *": "VTI" }],
      ["get_positions", {}],
      ["get_account_summary", {}],
    ]) {
      await page.getByText("Tools", { exact: true }).first().click();
      const problem = await tool(page, name, fill).then(() => null, (error) => error);
      told(`Inspector's page: ${name}`, problem);
    }
  } finally {
    child.kill("SIGKILL");
    rmSync(home, { recursive: true, force: true });
  }
}

async function main() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ["--no-sandbox", "--disable-gpu", ...QUIET] });
  try {
    await otherOrigin(browser, process.argv[2]);
    await inspectorsPage(browser);
  } catch (error) {
    told("browser: runs to its end", error);
  } finally {
    await browser.close();
  }
}

main().then(() => process.exit(failed ? 1 : 0));
