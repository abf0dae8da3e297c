// The operations of the API on clusters, bundles and campaigns.

import type {
  BundleSteps,
  Campaign,
  CampaignActed,
  CampaignEvent,
  CampaignPlanned,
  CampaignReport,
  CampaignSignals,
  CampaignSummary,
  Cluster,
  ClusterBehaviours,
  ClusterFeatures,
  ClusterMessages,
  ClusterSummary,
  Evolution,
  FeatureMoved,
  Made,
  Matrix,
  Page,
  ParkedSettled,
  Quarantined,
  Retried,
  Shard,
  ShardDrift,
  ShardStep,
  WhatIf,
} from '@halflap/server';
import { answering, PAGING } from './operation.js';

/** What a cluster is declared by. */
const DECLARATION = [
  'name',
  'app',
  'servers',
  'package',
  'releases',
  'service',
  'commands',
  'sessionLens',
  'itself',
  'hooks',
  'shards',
  'signals',
] as const;

export const CAMPAIGN_OPERATIONS = {
  listClusters: answering<Page<ClusterSummary>>()({
    method: 'GET',
    path: '/api/v1/clusters',
    query: PAGING,
  }),
  addCluster: answering<Made>()({ method: 'POST', path: '/api/v1/clusters', body: DECLARATION }),
  showCluster: answering<Cluster>()({ method: 'GET', path: '/api/v1/clusters/{id}' }),
  changeCluster: answering<void>()({
    method: 'PUT',
    path: '/api/v1/clusters/{id}',
    body: DECLARATION,
  }),
  removeCluster: answering<void>()({ method: 'DELETE', path: '/api/v1/clusters/{id}' }),
  showMatrix: answering<Matrix>()({ method: 'GET', path: '/api/v1/clusters/{id}/matrix' }),
  watchMatrix: answering<never>()({ method: 'GET', path: '/api/v1/clusters/{id}/live' }),
  whatIf: answering<WhatIf>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/what-if',
    query: ['step'],
  }),
  listClusterFeatures: answering<ClusterFeatures>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/features',
  }),
  enableFeature: answering<FeatureMoved>()({
    method: 'POST',
    path: '/api/v1/clusters/{id}/features/{feature}/enable',
    body: ['acceptNoWayBack'],
  }),
  disableFeature: answering<FeatureMoved>()({
    method: 'POST',
    path: '/api/v1/clusters/{id}/features/{feature}/disable',
  }),
  listClusterMessages: answering<ClusterMessages>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/messages',
  }),
  giveBackMessages: answering<ParkedSettled>()({
    method: 'POST',
    path: '/api/v1/clusters/{id}/messages/give-back',
    body: ['shard', 'ids'],
  }),
  discardMessages: answering<ParkedSettled>()({
    method: 'POST',
    path: '/api/v1/clusters/{id}/messages/discard',
    body: ['shard', 'ids'],
  }),
  listClusterBehaviours: answering<ClusterBehaviours>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/behaviours',
  }),
  showShard: answering<Shard>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/shards/{shard}',
  }),
  listShardJournal: answering<Page<ShardStep>>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/shards/{shard}/journal',
    query: PAGING,
  }),
  listQuarantine: answering<Page<Quarantined>>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/shards/{shard}/quarantine',
    query: [...PAGING, 'relation'],
  }),
  retryQuarantine: answering<Retried>()({
    method: 'POST',
    path: '/api/v1/clusters/{id}/shards/{shard}/quarantine/retry',
    body: ['rows', 'reason'],
  }),
  showDrift: answering<ShardDrift>()({
    method: 'GET',
    path: '/api/v1/clusters/{id}/shards/{shard}/drift',
  }),
  listEvolutions: answering<Page<Evolution>>()({
    method: 'GET',
    path: '/api/v1/evolutions',
    query: [...PAGING, 'app'],
  }),
  showSteps: answering<BundleSteps>()({
    method: 'GET',
    path: '/api/v1/evolutions/{hash}/steps',
    query: ['verb'],
  }),
  addEvolution: answering<Evolution>()({
    method: 'POST',
    path: '/api/v1/evolutions',
    body: ['bundle'],
  }),
  listCampaigns: answering<Page<CampaignSummary>>()({
    method: 'GET',
    path: '/api/v1/campaigns',
    query: [...PAGING, 'cluster', 'state'],
  }),
  planCampaign: answering<CampaignPlanned>()({
    method: 'POST',
    path: '/api/v1/campaigns',
    body: ['cluster', 'goal', 'to', 'policy', 'order', 'exclude'],
  }),
  showCampaign: answering<Campaign>()({ method: 'GET', path: '/api/v1/campaigns/{id}' }),
  watchCampaign: answering<never>()({ method: 'GET', path: '/api/v1/campaigns/{id}/live' }),
  showCampaignMatrix: answering<Matrix>()({
    method: 'GET',
    path: '/api/v1/campaigns/{id}/matrix',
    query: ['at'],
  }),
  listCampaignEvents: answering<Page<CampaignEvent>>()({
    method: 'GET',
    path: '/api/v1/campaigns/{id}/events',
    query: PAGING,
  }),
  showCampaignSignals: answering<CampaignSignals>()({
    method: 'GET',
    path: '/api/v1/campaigns/{id}/signals',
    query: ['minutes'],
  }),
  reportCampaign: answering<CampaignReport>()({
    method: 'GET',
    path: '/api/v1/campaigns/{id}/report',
  }),
  approveCampaign: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/approve',
    body: ['digest', 'step'],
  }),
  startCampaign: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/start',
  }),
  pauseCampaign: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/pause',
    body: ['reason'],
  }),
  resumeCampaign: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/resume',
    body: ['reason'],
  }),
  cancelCampaign: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/cancel',
    body: ['reason'],
  }),
  retryStep: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/retry',
    body: ['step'],
  }),
  skipStep: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/skip',
    body: ['step', 'reason'],
  }),
  excludeFromCampaign: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/exclude',
    body: ['kind', 'name', 'reason'],
  }),
  planBack: answering<CampaignActed>()({
    method: 'POST',
    path: '/api/v1/campaigns/{id}/back',
    body: ['reason'],
  }),
} as const;
