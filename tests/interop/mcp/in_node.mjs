// `node in_node.mjs EDGE`: npm's SDK in Node.
import { checks } from "./sdk.mjs";

let failed = 0;
await checks("sdk 1.32", process.argv[2], (name, problem) => {
  failed += problem ? 1 : 0;
  console.log(JSON.stringify({ name, problem }));
});
process.exit(failed ? 1 : 0);
