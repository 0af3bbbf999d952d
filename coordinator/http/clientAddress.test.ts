import { expect, test } from "bun:test";
import { createClientAddress } from "./clientAddress.ts";

const PROXIES = ["127.0.0.1", "10.1.0.0/16", "fd00::/8"];

test.each([
  // Who connects himself is who he is, whatever he says.
  ["203.0.113.7", "198.51.100.1", "203.0.113.7"],
  ["127.0.0.1", "198.51.100.1", "198.51.100.1"],
  ["::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"],
  // What stands before the last trusted word is the client's own.
  ["127.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"],
  ["127.0.0.1", "1.2.3.4, 198.51.100.1, 10.1.9.9", "198.51.100.1"],
  ["fd00::1", "2001:db8::5", "2001:db8::5"],
  ["127.0.0.1", "[2001:db8::5]:443", "2001:db8::5"],
  ["127.0.0.1", "198.51.100.1:5000", "198.51.100.1"],
  ["127.0.0.1", null, "127.0.0.1"],
  ["127.0.0.1", "unknown", "127.0.0.1"],
  ["127.0.0.1", "198.51.100.1, <script>", "127.0.0.1"],
])("from %s, which says %p, a request is of %s", (peer, forwarded, client) => {
  expect(createClientAddress(PROXIES)(peer, forwarded)).toBe(client);
});

test("nobody is trusted who was not named", () => {
  expect(createClientAddress([])("127.0.0.1", "198.51.100.1")).toBe("127.0.0.1");
  expect(createClientAddress(PROXIES)(undefined, "198.51.100.1")).toBeUndefined();
});
