import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { childrenOf, parseXml, textAt, type XmlElement } from "./xml.ts";

describe("parseXml()", () => {
  test("elements, attributes, entities; what is said before and after is passed over", () => {
    const log = parseXml(
      `WARNING: something\n<?xml version="1.0" ?>\n<!DOCTYPE log SYSTEM "x.dtd">\n<log>
      <!-- <gpu id="no"/> --><gpu id="00:1" kind='a &amp; b'>
      <name>A &lt;B&gt;</name> <none/><pci><bus>01</bus></pci></gpu><gpu id="00:2"/></log>\ninfoROM <corrupted>`,
      "log",
    ) as XmlElement;
    const [first, second] = childrenOf(log, "gpu") as [XmlElement, XmlElement];
    expect([...first.attributes]).toEqual([
      ["id", "00:1"],
      ["kind", "a & b"],
    ]);
    expect(textAt(first, "name")).toBe("A <B>");
    expect(textAt(first, "pci/bus")).toBe("01");
    expect(textAt(first, "pci/none/deeper")).toBe("");
    expect(second.attributes.get("id")).toBe("00:2");
  });

  test("cut off or broken in the middle: what was there before", () => {
    const names = (text: string) => {
      const log = parseXml(text, "log");
      return log && childrenOf(log, "gpu").map((gpu) => textAt(gpu, "name"));
    };
    expect(names("<log><gpu><name>A</name></gpu><gpu><na")).toEqual(["A", ""]);
    expect(names("<log><gpu><name>A</name></gpu><gpu><name>B</gpu>")).toEqual(["A", "B"]);
    expect(names("<log><gpu><name>A</name></gpu>Unable to < determine")).toEqual(["A"]);
    expect(names("<logs></logs>")).toBeUndefined();
    expect(names("")).toBeUndefined();
  });

  test("nesting without end is not followed", () => {
    const deep = parseXml("<a>".repeat(10_000), "a") as XmlElement;
    let depth = 0;
    for (let at: XmlElement | undefined = deep; at; at = at.children[0]) depth++;
    expect(depth).toBeLessThan(100);
  });

  const shape = (children: fc.Arbitrary<XmlElement[]>): fc.Arbitrary<XmlElement> =>
    fc.record({
      name: fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/),
      attributes: fc
        .dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string())
        .map((all) => new Map(Object.entries(all))),
      text: fc.string().map((text) => text.trim()),
      children,
    });
  const tree = [0, 1, 2].reduce(
    (below) => shape(fc.array(below, { maxLength: 3 })),
    shape(fc.constant<XmlElement[]>([])),
  );
  const entities = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  const print = ({ name, attributes, text, children }: XmlElement): string =>
    `<${name}${[...attributes].map(([key, value]) => ` ${key}="${entities(value)}"`).join("")}>${entities(text)}${children.map(print).join("\n")}</${name}>`;

  test("what is printed is read again", () => {
    fc.assert(
      fc.property(tree, (element) => {
        expect(parseXml(print(element), element.name)).toEqual(element);
      }),
    );
  });

  test("whatever is cut out or put in, it answers and does not throw", () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(9), fc.string({ maxLength: 9 }), (element, place, length, put) => {
        const text = print(element);
        const at = place % (text.length + 1);
        parseXml(text.slice(0, at) + put + text.slice(at + length), element.name);
      }),
    );
  });
});
