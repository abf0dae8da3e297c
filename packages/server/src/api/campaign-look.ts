// A campaign as lists and pages show it, with its cluster's name and how many steps are done.

import { CAMPAIGN_COLUMNS, readSteps } from '../campaigns/campaign.js';
import { readShownCalls } from '../campaigns/hooks/hook-rows.js';
import { askHome } from '../store/home.js';
import type { Store } from '../store/store.js';
import { type Campaign, campaignOf, type ListedCampaign } from './campaign-shapes.js';
import { found } from './route.js';

/** What a ListedCampaign is selected by, of CAMPAIGNS. */
export const LISTED_CAMPAIGN = `${CAMPAIGN_COLUMNS}, k.name as cluster_name,
  (select count(*)::int from campaign_steps as s where s.campaign_id = c.id) as steps,
  (select count(*)::int from campaign_steps as s
   where s.campaign_id = c.id and s.state in ('succeeded', 'skipped')) as done`;
export const CAMPAIGNS = 'campaigns as c join clusters as k on k.id = c.cluster_id';

/** @throws API_NOT_FOUND */
export async function seeCampaign(
  { store }: { readonly store: Store },
  id: string,
): Promise<Campaign> {
  const sql = `select ${LISTED_CAMPAIGN} from ${CAMPAIGNS} where c.id = $1`;
  const [row] = await askHome<ListedCampaign>(store, sql, [id]);
  const steps = await readSteps(store.home, id);
  return campaignOf(found(row, `campaign ${id}`), steps, await readShownCalls(store.home, id));
}
