/** Structured logs: one JSON object a line, or short text on a terminal. Never pass secrets as fields. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

const plain = (value: unknown): unknown =>
  value instanceof Error
    ? { name: value.name, message: value.message, stack: value.stack, cause: plain(value.cause) }
    : value;

export interface LoggerOptions {
  level: LogLevel;
  format: "json" | "text";
  write: (line: string) => void;
  fields?: LogFields;
}

export const createLogger = (options: LoggerOptions): Logger => {
  const emit = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (RANK[level] < RANK[options.level]) return;
    const all = { ...options.fields, ...fields };
    if (options.format === "json") {
      const values = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, plain(value)]));
      options.write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...values })}\n`);
      return;
    }
    const shown = Object.entries(all).map(([key, value]) => {
      const text = value instanceof Error ? (value.stack ?? value.message) : value;
      return `${key}=${typeof text === "string" ? text : JSON.stringify(text)}`;
    });
    const time = new Date().toTimeString().slice(0, 8);
    options.write(`[${time}] ${level.toUpperCase().padEnd(5)} ${[message, ...shown].join(" ")}\n`);
  };
  return {
    debug: (message, fields) => emit("debug", message, fields),
    info: (message, fields) => emit("info", message, fields),
    warn: (message, fields) => emit("warn", message, fields),
    error: (message, fields) => emit("error", message, fields),
    child: (fields) => createLogger({ ...options, fields: { ...options.fields, ...fields } }),
  };
};

/** For tests and for parts that must be silent. */
export const silentLogger: Logger = createLogger({ level: "error", format: "json", write: () => {} });

/** One line, before anything is made of it. */
export interface LogRecord {
  level: LogLevel;
  message: string;
  fields: LogFields;
}

/** A logger that shows every line to `onRecord` too, whatever the other one's level is. */
export const teeLogger = (
  log: Logger,
  onRecord: (record: LogRecord) => void,
  own: LogFields = {},
): Logger => {
  const emit = (level: LogLevel) => (message: string, fields?: LogFields) => {
    log[level](message, fields);
    onRecord({ level, message, fields: { ...own, ...fields } });
  };
  return {
    debug: emit("debug"),
    info: emit("info"),
    warn: emit("warn"),
    error: emit("error"),
    child: (fields) => teeLogger(log.child(fields), onRecord, { ...own, ...fields }),
  };
};
