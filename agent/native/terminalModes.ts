/** Modes of a terminal by their numbers, as SSH tells them (RFC 4254 §8, RFC 8160). */
export type TerminalModes = ReadonlyMap<number, number>;

/** A character that does nothing: as SSH says it, and as the kernel has it. */
const [NO_CHARACTER, DISABLED] = [255, 0];

/** Where a character is in `c_cc`, and what stty(1) calls it; some implementations of that do not know them all. */
const CHARACTERS: Readonly<Record<number, { at: number; word?: string }>> = {
  1: { at: 0, word: "intr" },
  2: { at: 1, word: "quit" },
  3: { at: 2, word: "erase" },
  4: { at: 3, word: "kill" },
  5: { at: 4, word: "eof" },
  6: { at: 11, word: "eol" },
  7: { at: 16, word: "eol2" },
  8: { at: 8, word: "start" },
  9: { at: 9, word: "stop" },
  10: { at: 10, word: "susp" },
  12: { at: 12, word: "rprnt" },
  13: { at: 14, word: "werase" },
  14: { at: 15, word: "lnext" },
  16: { at: 7 },
  18: { at: 13 },
};

type Field = "input" | "output" | "control" | "local";
/** Offsets in the kernel's `struct termios`. */
const OFFSETS: Readonly<Record<Field, number>> = { input: 0, output: 4, control: 8, local: 12 };
const CHARACTERS_AT = 17;
const TERMIOS_BYTES = 36;

const flags = (field: Field, all: readonly (readonly [mode: number, bit: number, word: string])[]) =>
  all.map(([mode, bit, word]) => ({ mode, field, bit, word }));

const FLAGS = [
  ...flags("input", [
    [30, 0o4, "ignpar"],
    [31, 0o10, "parmrk"],
    [32, 0o20, "inpck"],
    [33, 0o40, "istrip"],
    [34, 0o100, "inlcr"],
    [35, 0o200, "igncr"],
    [36, 0o400, "icrnl"],
    [37, 0o1000, "iuclc"],
    [38, 0o2000, "ixon"],
    [39, 0o4000, "ixany"],
    [40, 0o10000, "ixoff"],
    [41, 0o20000, "imaxbel"],
    [42, 0o40000, "iutf8"],
  ]),
  ...flags("local", [
    [50, 0o1, "isig"],
    [51, 0o2, "icanon"],
    [52, 0o4, "xcase"],
    [53, 0o10, "echo"],
    [54, 0o20, "echoe"],
    [55, 0o40, "echok"],
    [56, 0o100, "echonl"],
    [57, 0o200, "noflsh"],
    [58, 0o400, "tostop"],
    [59, 0o100000, "iexten"],
    [60, 0o1000, "echoctl"],
    [61, 0o4000, "echoke"],
  ]),
  ...flags("output", [
    [70, 0o1, "opost"],
    [71, 0o2, "olcuc"],
    [72, 0o4, "onlcr"],
    [73, 0o10, "ocrnl"],
    [74, 0o20, "onocr"],
    [75, 0o40, "onlret"],
  ]),
  ...flags("control", [
    [92, 0o400, "parenb"],
    [93, 0o1000, "parodd"],
  ]),
];

const CS8 = 91;
const [SIZE_MASK, SEVEN_BITS, EIGHT_BITS] = [0o60, 0o40, 0o60];

const OUTPUT_SPEED = 129;
const SPEED_MASK = 0o10017;
/** The kernel's numbers for speeds: from 1, as 0 hangs up, and from `B57600` on. */
const SLOW = [50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400];
const FAST = [57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000];

const speedNumber = (speed: number): number | undefined => {
  if (SLOW.includes(speed)) return 1 + SLOW.indexOf(speed);
  return FAST.includes(speed) ? 0o10001 + FAST.indexOf(speed) : undefined;
};

/** Changes what the kernel says of a terminal (`struct termios`) to these modes; what Linux does not know stays. */
export const changeModes = (termios: Buffer, modes: TerminalModes): void => {
  if (termios.length < TERMIOS_BYTES) throw new Error(`A termios of ${termios.length} bytes`);
  const change = (field: Field, mask: number, bits: number) => {
    const at = OFFSETS[field];
    termios.writeUInt32LE(((termios.readUInt32LE(at) & ~mask) | bits) >>> 0, at);
  };
  for (const { mode, field, bit } of FLAGS) {
    const value = modes.get(mode);
    if (value !== undefined) change(field, bit, value === 0 ? 0 : bit);
  }
  const isWide = modes.get(CS8);
  if (isWide !== undefined) change("control", SIZE_MASK, isWide === 0 ? SEVEN_BITS : EIGHT_BITS);
  const speed = speedNumber(modes.get(OUTPUT_SPEED) ?? -1);
  if (speed !== undefined) change("control", SPEED_MASK, speed);
  for (const [mode, { at }] of Object.entries(CHARACTERS)) {
    const value = modes.get(Number(mode));
    if (value !== undefined) termios[CHARACTERS_AT + at] = value === NO_CHARACTER ? DISABLED : value & 0xff;
  }
};

/** What every pseudo-terminal of Linux is at first. */
export const freshModes = (): Buffer => {
  const termios = Buffer.alloc(TERMIOS_BYTES);
  [0o2400, 0o5, 0o277, 0o105073].forEach((bits, at) => void termios.writeUInt32LE(bits, at * 4));
  Buffer.from("\x03\x1c\x7f\x15\x04\x00\x01\x00\x11\x13\x1a\x00\x12\x0f\x17\x16\x00", "latin1").copy(
    termios,
    CHARACTERS_AT,
  );
  return termios;
};

/** The same for a terminal that only a program on it can change: arguments of stty(1) for what is not as at first. */
export const sttyWords = (modes: TerminalModes): string[] => {
  const [before, after] = [freshModes(), freshModes()];
  changeModes(after, modes);
  const has = (termios: Buffer, field: Field, bit: number) =>
    (termios.readUInt32LE(OFFSETS[field]) & bit) !== 0;
  const words = FLAGS.filter(({ field, bit }) => has(before, field, bit) !== has(after, field, bit)).map(
    ({ field, bit, word }) => (has(after, field, bit) ? word : `-${word}`),
  );
  if (modes.get(CS8) === 0) words.push("cs7");
  for (const { at, word } of Object.values(CHARACTERS)) {
    const value = after[CHARACTERS_AT + at] ?? 0;
    if (word !== undefined && value !== before[CHARACTERS_AT + at]) words.push(word, spelt(value));
  }
  const speed = modes.get(OUTPUT_SPEED) ?? 0;
  const isOther = speed !== 38400 && speedNumber(speed) !== undefined;
  return isOther ? [...words, "ospeed", String(speed), "ispeed", String(speed)] : words;
};

/** A control character as `^C`; all others by their number, of which one digit alone would be that digit. */
const spelt = (value: number): string => {
  if (value === DISABLED) return "undef";
  if (value === 0x7f) return "^?";
  return value < 0x20 ? `^${String.fromCharCode(value + 0x40)}` : String(value);
};
