import type { Commit, Committed, Store } from "../engine/store.ts";

/** The store, with something around each of its commits. */
export function aroundCommits(
  store: Store,
  around: (commit: Commit, next: Store["commit"]) => Promise<Committed>,
): Store {
  const next = (commit: Commit): Promise<Committed> => store.commit(commit);
  return {
    commit: (commit) => around(commit, next),
    stream: (ref) => store.stream(ref),
    stored: (ref) => store.stored(ref),
    named: (tenant, sessionId) => store.named(tenant, sessionId),
    remembered: (key, now) => store.remembered(key, now),
    access: () => store.access(),
    key: (id) => store.key(id),
    keys: (query) => store.keys(query),
    list: (query) => store.list(query),
    aggregate: (filter) => store.aggregate(filter),
    operations: (ref, range) => store.operations(ref, range),
    messages: (ref, range) => store.messages(ref, range),
    artifact: (ref, id) => store.artifact(ref, id),
    artifacts: (ref, query) => store.artifacts(ref, query),
    grants: (ref, artifactId) => store.grants(ref, artifactId),
    permission: (ref, artifactId, grantee) => store.permission(ref, artifactId, grantee),
    task: (tenant, id, uid) => store.task(tenant, id, uid),
    tasks: (ref, query) => store.tasks(ref, query),
    objectsOf: (ref, ids) => store.objectsOf(ref, ids),
    objects: (ref, query) => store.objects(ref, query),
    lineage: (ref, objectId) => store.lineage(ref, objectId),
    unfinished: (page) => store.unfinished(page),
    versionsInUse: (versions) => store.versionsInUse(versions),
    content: (tenant, digest) => store.content(tenant, digest),
    body: (tenant, digest) => store.body(tenant, digest),
    abandoned: (limit) => store.abandoned(limit),
    inUse: (files) => store.inUse(files),
    snapshot: (ref, seq) => store.snapshot(ref, seq),
    view: (ref, view, seq) => store.view(ref, view, seq),
    ended: (query) => store.ended(query),
    unsettled: (limit) => store.unsettled(limit),
    tenants: (page) => store.tenants(page),
    overdue: (now, limit) => store.overdue(now, limit),
    scrub: () => store.scrub(),
    watch: (from) => store.watch(from),
    close: () => store.close(),
  };
}
