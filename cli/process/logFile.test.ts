import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { createLogFile } from "./logFile.ts";

const NOW = Date.UTC(2026, 0, 31, 9, 30, 5);

const open = (env: Record<string, string> = {}) => {
  const dir = tempDir();
  const logs = join(dir.path, ".dstack", "logs", "cli");
  const failures: string[] = [];
  return {
    logs,
    failures,
    start: () =>
      createLogFile({ home: dir.path, env, now: () => NOW, onFailure: (message) => failures.push(message) }),
    read: (name = "latest.log") => readFileSync(join(logs, name), "utf8"),
    dir: dir.path,
    [Symbol.dispose]: () => dir[Symbol.dispose](),
  };
};

describe("the log file", () => {
  test("is appended to, line by line, and not there before the first", () => {
    using place = open();
    const log = place.start();
    expect(readdirSync(place.dir)).toEqual([]);
    log("DEBUG", "dstack ps");
    place.start()("ERROR", "it broke");
    expect(place.read()).toBe(
      "2026-01-31 09:30:05 - dstack.cli - DEBUG - dstack ps\n2026-01-31 09:30:05 - dstack.cli - ERROR - it broke\n",
    );
  });

  test("has what its level lets in", () => {
    using place = open({ DSTACK_CLI_FILE_LOG_LEVEL: "warning" });
    const log = place.start();
    log("INFO", "no");
    log("WARNING", "yes");
    expect(place.read()).toEndWith(" - WARNING - yes\n");
    expect(place.read().split("\n")).toHaveLength(2);
  });

  test("of an earlier day is put aside under the name of that day", () => {
    using place = open();
    mkdirSync(place.logs, { recursive: true });
    const yesterday = new Date(NOW - 86_400_000);
    for (const text of ["first\n", "second\n"]) {
      writeFileSync(join(place.logs, "latest.log"), text);
      utimesSync(join(place.logs, "latest.log"), yesterday, yesterday);
      place.start()("INFO", "today");
    }
    expect(readdirSync(place.logs).sort()).toEqual(["2026-01-30-1.log", "2026-01-30.log", "latest.log"]);
    expect([place.read("2026-01-30.log"), place.read("2026-01-30-1.log")]).toEqual(["first\n", "second\n"]);
  });

  test("that cannot be written is told of once", () => {
    using place = open();
    mkdirSync(join(place.dir, ".dstack"));
    writeFileSync(join(place.dir, ".dstack", "logs"), "a file");
    const log = place.start();
    log("INFO", "one");
    log("INFO", "two");
    expect(place.failures).toEqual([expect.stringMatching(/^Cannot write .*latest\.log: /)]);
  });
});
