import type { StockVersion } from "../e2e/harness/stockClient.ts";
import type { Scene } from "./scene.ts";

/** What is not there yet. A case that names one asserts what the client is told meanwhile. */
type Feature = "dev environments" | "services" | "gateways" | "volumes" | "cloud backends";

/** Something that a stock client does with us, and what must come of it. */
export interface Case {
  /** Part of its runs' names too. */
  name: string;
  /** What is expected, for whoever reads the matrix. */
  expect: string;
  /** The flags that it tries, by command, as list_flags.py spells them; `*` is every command. */
  covers: Readonly<Record<string, readonly string[]>>;
  later?: Feature;
  /** The few that the whole-system tests play too; they need one host, and no root. */
  smoke?: true;
  versions?: readonly StockVersion[];
  run(scene: Scene): Promise<void>;
}
