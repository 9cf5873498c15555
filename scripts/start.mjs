/**
 * `npm start`: from a fresh clone to a running Bellhop. What follows `--` goes to `bellhop up`.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "../packages/host/bin/launch.js";
import { runScript, setUp } from "./setup.mjs";

await runScript(async () => {
  setUp(dirname(dirname(fileURLToPath(import.meta.url))));
  await launch(["up", ...process.argv.slice(2)]);
});
