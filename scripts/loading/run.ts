import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import { openCluster } from "./cluster.ts";
import { createFigures, type Figures } from "./figures.ts";
import type { Part, Scale } from "./part.ts";
import { PARTS, type PartName } from "./parts.ts";

export interface LoadOptions {
  parts: readonly PartName[];
  scale: Scale;
  /** Where coordinators keep their state. */
  dir: string;
  say: (line: string) => void;
}

/** Measures the parts, one cluster for each number of hosts. A part that fails is a figure that is not as promised. */
export const runLoad = async ({ parts, scale, dir, say }: LoadOptions): Promise<Figures> => {
  const figures = createFigures(say);
  const sizesOf = (name: PartName) => (PARTS[name] as Part).sizes(scale);
  const sizes = [...new Set(parts.flatMap(sizesOf))].sort((a, b) => a - b);
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (err) {
      figures.add({ what, target: "", measured: `failed: ${messageOf(err)}`, ok: false });
    }
  };
  for (const size of sizes)
    await attempt(`${size} hosts`, async () => {
      say(`--- ${size} hosts`);
      await using cluster = await openCluster(join(dir, String(size)), size, say);
      for (const name of parts)
        if (sizesOf(name).includes(size))
          await attempt(name, () => PARTS[name].run({ cluster, figures, scale, say }));
    });
  return figures;
};
