import { LineCounter, parseDocument } from "yaml";
import { AnyConfiguration } from "../../shared/config/configuration.ts";
import { AppError } from "../../shared/errors.ts";
import type { Source } from "./source.ts";

/** Reads a configuration. Throws `invalid`, naming each mistake with its place. */
export const loadConfiguration = ({ text, path }: Source): AnyConfiguration => {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [problem] = document.errors;
  if (problem) {
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    throw new AppError("invalid", `${path}: line ${line}, column ${col}: ${problem.message}`);
  }
  const parsed = AnyConfiguration.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `- ${issue.path.join(".") || "the file"}: ${issue.message}`,
  );
  throw new AppError("invalid", [`${path} is not a valid configuration:`, ...problems].join("\n"));
};
