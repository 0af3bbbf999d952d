import type { FleetPlan } from "../../shared/api/fleets.ts";
import { mergeProfile } from "../../shared/config/profile.ts";
import { formatRequirements, formatResources } from "../../shared/resources/format.ts";
import type { InstanceOfferWithAvailability } from "../../shared/resources/offered.ts";
import type { Output } from "../context.ts";
import { type Row, renderProperties, renderTable } from "../output/table.ts";
import { backendName, price } from "./price.ts";

const OFFERS_SHOWN = 3;

/** What would be applied, before the offers (docs/spec/cli.md §5.1). */
export const renderFleetPlan = (out: Output, plan: FleetPlan): string => {
  const { configuration, configuration_path: path, profile } = plan.effective_spec ?? plan.spec;
  const { nodes, ssh_config: ssh, placement, resources } = configuration;
  const { backends, regions, spot_policy, reservation } = mergeProfile(profile, configuration);
  const rows: [string, string][] = [
    ["Project", plan.project_name],
    ["User", plan.user],
    ["Configuration", path ?? "-"],
    ["Type", configuration.type],
    ["Fleet type", ssh ? "ssh" : "cloud"],
    ["Nodes", ssh ? String(ssh.hosts.length) : nodesOf(nodes)],
    ["Placement", placement ?? "any"],
  ];
  const given: [string, string | null | undefined][] = [
    ["Backends", backends?.map(backendName).join(", ")],
    ["Regions", regions?.join(", ")],
    ["Resources", resources && formatRequirements(resources)],
    ["Spot policy", spot_policy],
    ["Reservation", reservation],
  ];
  for (const [name, value] of given) if (value) rows.push([name, value]);
  return renderProperties(out, rows);
};

const nodesOf = (nodes: FleetPlan["spec"]["configuration"]["nodes"]): string =>
  nodes ? `min=${nodes.min} target=${nodes.target ?? nodes.min} max=${nodes.max ?? "unlimited"}` : "-";

/** The first offers; what there are more of is counted. */
export const renderFleetOffers = (out: Output, plan: FleetPlan): string => {
  const columns = [
    { title: "#" },
    { title: "BACKEND" },
    { title: "REGION" },
    { title: "INSTANCE" },
    { title: "RESOURCES" },
    { title: "SPOT" },
    { title: "PRICE", isWhole: true },
    { title: "", isWhole: true },
  ];
  const shown = plan.offers.slice(0, OFFERS_SHOWN);
  const rows: Row[] = shown.map((offer, at) => ({
    cells: offerCells(offer, at),
    ...(at > 0 && { style: "dim" as const }),
  }));
  const isCut = plan.total_offers > shown.length;
  const table = renderTable(out, columns, isCut ? [...rows, { cells: ["", "..."], style: "dim" }] : rows);
  if (!isCut) return table;
  const most = plan.max_offer_price === null ? "" : `, ${price(plan.max_offer_price, 6)} max`;
  return `${table} Shown ${shown.length} of ${plan.total_offers} offers${most}\n`;
};

const offerCells = (offer: InstanceOfferWithAvailability, at: number): string[] => [
  String(at + 1),
  backendName(offer.backend),
  offer.region,
  offer.instance.name,
  formatResources(offer.instance.resources),
  offer.instance.resources.spot ? "yes" : "no",
  price(offer.price, 6),
  offer.availability === "available" || offer.availability === "unknown"
    ? ""
    : offer.availability.replaceAll("_", " "),
];
