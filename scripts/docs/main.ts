/** `bun run docs`: writes what is made from the schemas of configurations and from the table of commands into docs/. */
import { resolve } from "node:path";
import { generateDocs } from "./generated.ts";

const root = resolve(import.meta.dir, "../..");
for (const [path, text] of await generateDocs()) await Bun.write(`${root}/${path}`, text);
