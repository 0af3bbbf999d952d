import { expect, test } from "bun:test";
import { counter, Exposition, gauge, histogram } from "./exposition.ts";

test("families stand together, with their help and type once", () => {
  const out = new Exposition();
  const [seconds, busy] = [counter("seconds_total", "Seconds"), gauge("busy", "Busy or not")];
  out.add(seconds, { host: "a" }, 1.5);
  out.add(busy, { host: "a" }, 1);
  out.add(seconds, { host: "b" }, 2);
  expect(out.text()).toBe(
    [
      "# HELP seconds_total Seconds",
      "# TYPE seconds_total counter",
      'seconds_total{host="a"} 1.5',
      'seconds_total{host="b"} 2',
      "# HELP busy Busy or not",
      "# TYPE busy gauge",
      'busy{host="a"} 1',
      "",
    ].join("\n"),
  );
});

test("what is not known is left out, a family without a sample as a whole", () => {
  const out = new Exposition();
  out.add(gauge("power", "Watts"), {}, null);
  out.add(gauge("heat", "Degrees"), {}, undefined);
  expect(out.text()).toBe("");
});

test("values of labels cannot break out of their quotes", () => {
  const out = new Exposition();
  out.add(gauge("x", "X"), { name: 'a"} 1\n\\b' }, 1);
  expect(out.text()).toEndWith('x{name="a\\"} 1\\n\\\\b"} 1\n');
});

test("a histogram's samples have suffixes, and a bound that is infinite", () => {
  const out = new Exposition();
  const family = histogram("wait_seconds", "Waited");
  out.add(family, { le: "15.0" }, 1, "_bucket");
  out.add(family, {}, Number.POSITIVE_INFINITY, "_sum");
  expect(out.text()).toContain('wait_seconds_bucket{le="15.0"} 1\nwait_seconds_sum{} +Inf\n');
});
