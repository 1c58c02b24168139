// What the page of another origin runs; the browser's driver reads what it has told.
import { checks } from "./sdk.mjs";

window.told = [];
checks("sdk 1.32 in a page of another origin", new URLSearchParams(location.search).get("edge"), (name, problem) => window.told.push({ name, problem }))
  .catch((error) => window.told.push({ name: "sdk 1.32 in a page: runs to its end", problem: String(error) }))
  .finally(() => (window.ended = true));
