/** Runs the unit tests and closes with one plain line, `N passed, N failed`; exit status 1 when one failed. */
const FOLDERS = ["agent", "coordinator", "shared", "cli", "scripts"];

const run = Bun.spawn([process.execPath, "test", ...FOLDERS], { stdout: "inherit", stderr: "pipe" });
const decoder = new TextDecoder();
let report = "";
for await (const chunk of run.stderr) {
  process.stderr.write(chunk);
  report += decoder.decode(chunk, { stream: true });
}
await run.exited;

/** bun closes its report with lines such as ` 12 pass` and ` 0 fail`. */
const count = (word: "pass" | "fail" | "skip"): number =>
  Number(report.match(new RegExp(`^ *(\\d+) ${word}$`, "m"))?.[1] ?? 0);

const passed = count("pass");
// A test file that does not load fails the run without counting as a failed test.
const failed = Math.max(count("fail"), run.exitCode === 0 && passed > 0 ? 0 : 1);
const skipped = count("skip");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 ? 1 : 0);

export {};
