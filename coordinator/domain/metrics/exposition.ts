export type Labels = Readonly<Record<string, string>>;

interface Sample {
  /** Behind the family's name: `_bucket`, `_sum`, `_count` of a histogram. */
  suffix: string;
  labels: Labels;
  value: number;
}

/** Families of Prometheus' text format, version 0.0.4, in the order in which they were first named. */
export class Exposition {
  readonly #families = new Map<string, { type: string; help: string; samples: Sample[] }>();

  /** Left out where there is no value. */
  add(family: Family, labels: Labels, value: number | null | undefined, suffix = ""): void {
    if (value === null || value === undefined) return;
    const { name, type, help } = family;
    const known = this.#families.get(name) ?? { type, help, samples: [] };
    this.#families.set(name, known);
    known.samples.push({ suffix, labels, value });
  }

  text(): string {
    let text = "";
    for (const [name, { type, help, samples }] of this.#families) {
      text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
      for (const { suffix, labels, value } of samples) {
        const pairs = Object.entries(labels).map(([label, content]) => `${label}="${escaped(content)}"`);
        text += `${name}${suffix}{${pairs.join(",")}} ${numberText(value)}\n`;
      }
    }
    return text;
  }
}

export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
}

export const counter = (name: string, help: string): Family => ({ name, type: "counter", help });
export const gauge = (name: string, help: string): Family => ({ name, type: "gauge", help });
export const histogram = (name: string, help: string): Family => ({ name, type: "histogram", help });

const escaped = (content: string): string =>
  content.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

const numberText = (value: number): string => {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
};
