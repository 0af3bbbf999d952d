import type { FleetPlan, FleetSpec } from "../../../shared/api/fleets.ts";
import { isUpdatable } from "../../../shared/config/diff.ts";
import { diffFleets } from "../../../shared/config/fleetDiff.ts";
import type { Deps } from "../../deps.ts";
import { findFleetByName } from "../../store/fleets.ts";
import type { MadeOffer } from "../../store/madeInstance.ts";
import type { Caller } from "../runs/checkSpec.ts";
import { offerOfBackend, offersForFleet, whyNotInFleet } from "./fleetOffers.ts";
import { checkFleetSpec } from "./fleetSpec.ts";
import { noBackendText } from "./fleetTexts.ts";
import { viewFleets } from "./fleetView.ts";
import { requireFreeHosts } from "./sshHosts.ts";
import { withoutKeys } from "./sshSpec.ts";

const MOST_OFFERS = 50;

/** What applying would do. `spec` comes back as it was sent, for clients send it again. */
export const planFleet = async (
  deps: Deps,
  { user, project }: Caller,
  spec: FleetSpec,
): Promise<FleetPlan> => {
  checkFleetSpec(spec);
  const effective = withoutKeys(spec);
  const { name, ssh_config: ssh } = spec.configuration;
  const current = name === null ? undefined : await findFleetByName(deps.db, project.id, name);
  await requireFreeHosts(deps, spec, current?.id);
  const all = ssh ? [] : await deps.fleets.listOffers();
  const offers = ssh ? [] : offersForFleet(all, spec);
  const [view] = current ? await viewFleets(deps, [current], new Map([[project.id, project.name]])) : [];
  return {
    project_name: project.name,
    user: user.username,
    spec,
    effective_spec: effective,
    current_resource: view ?? null,
    offers: offers.slice(0, MOST_OFFERS).map(offerOfBackend),
    total_offers: offers.length,
    max_offer_price: offers.length === 0 ? null : Math.max(...offers.map(({ price }) => price)),
    action: current && isUpdatable(diffFleets(current.spec, effective)) ? "update" : "create",
    no_offers_reason: ssh || offers.length > 0 ? null : whyNoOffers(deps.fleets.hasBackend, all, spec),
  };
};

const whyNoOffers = (hasBackend: boolean, all: readonly MadeOffer[], spec: FleetSpec): string => {
  if (!hasBackend) return noBackendText(spec.configuration.name);
  const reasons = new Set(all.map((offer) => `${offer.instance_type.name} ${whyNotInFleet(offer, spec)}`));
  return reasons.size === 0
    ? "The backends have nothing to offer at the moment"
    : [...reasons].slice(0, 3).join("; ");
};
