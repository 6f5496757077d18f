const API = "$SOJOURN_URL/api/v1";

/** A call without a body. */
function call(method: "GET" | "POST" | "DELETE", path: string): string {
  return `curl ${method === "GET" ? "" : `-X ${method} `}"${API}${path}"`;
}

/** A call with a body in JSON. */
function send(method: "POST" | "PATCH" | "PUT", path: string, body: object): string {
  return `curl -X ${method} "${API}${path}" -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body)}'`;
}

/** A call that stores a file, of its bytes. */
function store(name: string, text: string): string {
  return (
    `curl -X POST "${API}/sessions/demo/artifacts?name=${name}&artifact_type=user_input" \\\n` +
    `  -H 'Content-Type: text/markdown' --data-binary '${text}'`
  );
}

/** Keeps in a variable what an answer has under a name. */
function kept(variable: string, code: string, name: string): string {
  return `${variable}=$(${code} | sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/')`;
}

/** The examples of the page docs/rest.md: what comes before them, each by its call, and which are not to be run in a row. */
export const REST_EXAMPLES: {
  readonly before: string;
  readonly of: Readonly<Record<string, string>>;
  readonly notRun: readonly string[];
} = {
  before: [
    send("POST", "/sessions", { session_id: "demo", user_id: "ada" }),
    send("POST", "/sessions", { session_id: "spare", user_id: "grace" }),
    send("POST", "/sessions", { session_id: "writer" }),
    send("POST", "/sessions", { session_id: "helped" }),
  ].join("\n"),
  of: {
    createSession: send("POST", "/sessions", { session_id: "trial", tags: ["trial"], metadata: { source: "web" } }),
    listSessions: call("GET", "/sessions?tag=trial&status=active&sort=last_activity"),
    continueSession: call("GET", "/sessions/continue?user_id=ada"),
    sessionStats: call("GET", "/sessions/stats?user_id=ada"),
    cleanUpSessions: send("POST", "/sessions/cleanup", { max_idle_seconds: 3_600, dry_run: true }),
    getSession: call("GET", "/sessions/demo"),
    updateSession: send("PATCH", "/sessions/demo", { name: "Demo", metadata: { step: 2, source: null } }),
    deleteSession: call("DELETE", "/sessions/trial"),
    suspendSession: send("POST", "/sessions/demo/suspend", { reason: "waiting for Ada" }),
    resumeSession: call("POST", "/sessions/demo/resume"),
    keepaliveSession: call("POST", "/sessions/demo/keepalive"),
    endSession: send("POST", "/sessions/spare/end", { status: "completed", reason: "done" }),
    recordMetrics: send("POST", "/sessions/demo/metrics", { requests: 2, errors: 1, processing_time_seconds: 1.5 }),
    setTemplate: send("PUT", "/templates/research", { name_prefix: "Research: ", tags: ["research"] }),
    getTemplate: call("GET", "/templates/research"),
    listTemplates: call("GET", "/templates"),
    removeTemplate: call("DELETE", "/templates/research"),
    publishMessage: send("POST", "/topics/drafts/messages", { content: { title: "Bees" }, session_id: "writer" }),
    listTopicMessages: call("GET", "/topics/drafts/messages?subscriber=demo"),
    listTopics: call("GET", "/topics"),
    getTopic: call("GET", "/topics/drafts"),
    subscribe: send("PUT", "/topics/drafts/subscribers/demo", { after: 0 }),
    acknowledge: send("POST", "/topics/drafts/subscribers/demo/ack", { through: 1 }),
    listSubscribers: call("GET", "/topics/drafts/subscribers"),
    getSubscriber: call("GET", "/topics/drafts/subscribers/demo"),
    unsubscribe: call("DELETE", "/topics/drafts/subscribers/demo"),
    deleteTopic: call("DELETE", "/topics/old"),
    setWebhook: send("PUT", "/webhooks/archive", { url: "https://example.com/hook", types: ["session.created"] }),
    getWebhook: call("GET", "/webhooks/archive"),
    listWebhooks: call("GET", "/webhooks"),
    removeWebhook: call("DELETE", "/webhooks/archive"),
    listEvents: call("GET", "/events?type=session.created&type=session.artifact.*&limit=10"),
    listOperations: call("GET", "/sessions/demo/operations?after=1&limit=10"),
    verifySession: call("GET", "/sessions/demo/verify"),
    chat: send("POST", "/chat", { session_id: "demo", message: "Hi, my name is Ada" }),
    listMessages: call("GET", "/sessions/demo/messages?limit=10"),
    addMessages: send("POST", "/sessions/demo/messages", { role: "user", content: "Which files are there?" }),
    compactConversation: send("POST", "/sessions/demo/compact", { strategy: "truncate", keep_recent: 2 }),
    getWorkingMemory: call("GET", "/sessions/demo/working-memory"),
    replaceWorkingMemory: send("PUT", "/sessions/demo/working-memory", { step: 1 }),
    updateWorkingMemory: send("PATCH", "/sessions/demo/working-memory", { draft: "none" }),
    storeArtifact: store("notes.md", "# Ideas"),
    listArtifacts: call("GET", "/sessions/demo/artifacts?type=user_input"),
    getArtifact: [
      kept("ARTIFACT", call("GET", "/sessions/demo/artifacts?limit=1"), "artifact_id"),
      call("GET", "/sessions/demo/artifacts/$ARTIFACT"),
    ].join("\n"),
    deleteArtifact: [
      kept("OLD", store("old.md", "Nothing"), "artifact_id"),
      call("DELETE", "/sessions/demo/artifacts/$OLD"),
    ].join("\n"),
    getContent: `curl "${API}/sessions/demo/artifacts/$ARTIFACT/content" -H 'Range: bytes=0-3' -o notes.md`,
    listGrants: call("GET", "/sessions/demo/artifacts/$ARTIFACT/grants"),
    grantArtifact: send("POST", "/sessions/demo/artifacts/$ARTIFACT/grants", {
      session_id: "writer",
      permission: "read",
    }),
    revokeArtifact: call("DELETE", "/sessions/demo/artifacts/$ARTIFACT/grants/writer"),
    listObjects: call("GET", "/sessions/demo/objects?quality=degraded"),
    getObject: [
      kept(
        "OBJECT",
        send("POST", "/sessions/demo/run", {
          app: "pizzastack",
          action: "tomato/acquire",
          input: { variety: "San Marzano", ripeness: 0.8, weight: 120 },
        }),
        "id",
      ),
      call("GET", "/sessions/demo/objects/$OBJECT"),
    ].join("\n"),
    objectLineage: call("GET", "/sessions/demo/objects/$OBJECT/lineage"),
    listApps: call("GET", "/apps"),
    getApp: call("GET", "/apps/infsh%2Fsession-test"),
    runApp: send("POST", "/sessions/demo/run", {
      app: "infsh/session-test",
      action: "increment",
      input: { key: "visits" },
    }),
    listTasks: call("GET", "/sessions/demo/tasks?limit=1"),
    getTask: [
      kept("TASK", call("GET", "/sessions/demo/tasks?limit=1"), "task_id"),
      call("GET", "/sessions/demo/tasks/$TASK"),
    ].join("\n"),
    cancelTask: call("POST", "/sessions/demo/tasks/$TASK/cancel"),
    beginAgentRun: send("POST", "/sessions/helped/agent-runs", {
      agent: "helper",
      messages: [{ role: "user", content: "What is the weather in Porto?" }],
    }),
    getAgentRun: call("GET", "/sessions/helped/agent-runs/latest"),
    getAgentRunWindow: [
      kept("RUN", call("GET", "/sessions/helped/agent-runs/latest"), "run_id"),
      call("GET", "/sessions/helped/agent-runs/$RUN/window"),
    ].join("\n"),
    resumeAgentRun: send("POST", "/sessions/helped/agent-runs/$RUN/resume", { take_over: true }),
    addAgentStep: send("POST", "/sessions/helped/agent-runs/$RUN/steps", {
      fence: 3,
      messages: [{ role: "assistant", content: "It rains." }],
      usage: { input_tokens: 12, output_tokens: 3 },
    }),
    finishAgentRun: send("POST", "/sessions/helped/agent-runs/$RUN/finish", { fence: 3, status: "completed" }),
    createCheckpoint: send("POST", "/sessions/demo/checkpoints", { name: "first draft", data: { budget: 900 } }),
    listCheckpoints: call("GET", "/sessions/demo/checkpoints"),
    forkSession: send("POST", "/sessions/demo/fork", { at: "first draft", session_id: "demo-b" }),
    replaySession: send("POST", "/sessions/demo/replay", { mode: "verify" }),
    diffSessions: call("GET", "/sessions/demo/diff?with=demo-b"),
    sessionTree: call("GET", "/sessions/demo/tree"),
    exportSession: `${call("GET", "/sessions/demo/export")} -o demo.sojourn`,
    importSession:
      `curl -X POST "${API}/sessions/import?session_id=demo-again" \\\n` +
      "  -H 'Content-Type: application/octet-stream' --data-binary @demo.sojourn",
    pruneSessions: send("POST", "/sessions/prune", { older_than_seconds: 7_776_000, keep_latest: 100, dry_run: true }),
    getProfile: call("GET", "/users/ada/profile"),
    updateProfile: send("PATCH", "/users/ada/profile", { verbosity: "low" }),
    eraseUser: call("DELETE", "/users/grace"),
    createKey: send("POST", "/keys", { name: "web", scopes: ["sessions:read", "sessions:write"] }),
    listKeys: call("GET", "/keys"),
    revokeKey: call("POST", "/keys/key_0123456789abcdef/revoke"),
    disableKeys: call("POST", "/keys/disable"),
    backUp: `${call("GET", "/backup")} -o friday.backup`,
    health: call("GET", "/health"),
  },
  // A key would end local mode, and with it the other examples.
  notRun: ["createKey", "revokeKey", "disableKeys"],
};
