import type { RuntimeJob } from "../../../agent/runtime/runtime.ts";
import { hooksOf, runtimeOn } from "./dockerJob.ts";

/** A program to be killed: starts the job that it is given as JSON, says so, and stays as long as the job. */
const [address = "", json = ""] = process.argv.slice(2);
const job = JSON.parse(json) as RuntimeJob;
const running = await runtimeOn({ address }).start(job, hooksOf());
process.stdout.write("started\n");
await running.ended;
process.stdout.write("ended\n");
