#!/usr/bin/env node
/**
 * The command people type. Plain JavaScript, because the Node that a machine happens to have (18 or
 * newer) starts it; everything behind `launch` runs on the Node that Bellhop brings along.
 */
import { launch } from "./launch.js";

await launch(process.argv.slice(2));
