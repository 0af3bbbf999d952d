import { join } from "node:path";
import { DSTACK } from "../e2e/harness/programs.ts";
import { installStockClient, STOCK_VERSIONS } from "../e2e/harness/stockClient.ts";
import type { Part } from "./bench.ts";
import { measureCommands } from "./clients/commands.ts";
import { measureLogs } from "./clients/logs.ts";
import { newPerson, type Person } from "./clients/person.ts";
import { measureRest } from "./clients/rest.ts";

/** The stock command lines and ours at the same coordinator, and our REST API beside the stock server's. */
export const measureClients = async (part: Part): Promise<void> => {
  const { report, dir, coordinator } = part;
  const people: Person[] = [
    await newPerson({ who: "ours", program: DSTACK, dir: join(dir, "ours"), coordinator, isOurs: true }),
  ];
  for (const version of STOCK_VERSIONS) {
    const client = await installStockClient(version);
    if ("reason" in client) report.note(`Stock ${version} was left out: ${client.reason}`);
    else {
      const options = { who: `stock ${version}`, program: client.path, dir: join(dir, version), coordinator };
      people.push(await newPerson({ ...options, isOurs: false }));
    }
  }
  await measureCommands(part, people);
  await measureLogs(part, people);
  await measureRest(part);
};
